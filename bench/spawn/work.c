// A job of a known length.
//
//     work sleep MILLISECONDS    waits
//     work burn MILLISECONDS     uses a CPU for so long, by the CPU's own account
//     work print BYTES           writes lines of text

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void rest(double length) {
	struct timespec t = {length, (length - (long)length) * 1e9};
	nanosleep(&t, NULL);
}

static void burn(double length) {
	while (seconds(CLOCK_PROCESS_CPUTIME_ID) < length)
		;
}

static void print(long bytes) {
	static const char line[] = "the quick brown fox jumps over the lazy dog, and over the fence too\n";
	for (; bytes > 0; bytes -= sizeof line - 1)
		fwrite(line, 1, bytes < (long)sizeof line - 1 ? (size_t)bytes : sizeof line - 1, stdout);
}

int main(int argc, char **argv) {
	double amount = argc == 3 ? atof(argv[2]) : 0;
	if (argc == 3 && strcmp(argv[1], "sleep") == 0)
		rest(amount / 1000);
	else if (argc == 3 && strcmp(argv[1], "burn") == 0)
		burn(amount / 1000);
	else if (argc == 3 && strcmp(argv[1], "print") == 0)
		print(amount);
	else {
		fprintf(stderr, "usage: work sleep|burn MILLISECONDS, or work print BYTES\n");
		return 2;
	}
	return 0;
}

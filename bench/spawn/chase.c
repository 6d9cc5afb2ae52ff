// Follows pointers through BYTES of memory in random order for about MILLISECONDS, and prints how many it followed in a
// microsecond: a measurement that notices whatever else uses the caches or takes the CPU away.
//
//     chase BYTES MILLISECONDS

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { LINE = 64, BLOCK = 20000, HUGE = 2 << 20 }; // bytes, steps, bytes

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

// below gives a number from 0 to n-1, the same ones in each run.
static size_t below(size_t n) {
	static uint64_t state = 88172645463325252;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

// ring makes one cycle through all lines of the memory (Sattolo's shuffle). Whole huge pages, where there are any, keep
// the placement of small ones out of the figure.
static void **ring(size_t lines) {
	size_t size = (lines * LINE + HUGE - 1) / HUGE * HUGE;
	char *memory = aligned_alloc(HUGE, size);
	size_t *order = malloc(lines * sizeof *order);
	if (memory == NULL || order == NULL)
		exit(1);
	madvise(memory, size, MADV_HUGEPAGE);
	for (size_t i = 0; i < lines; i++)
		order[i] = i;
	for (size_t i = lines - 1; i > 0; i--) {
		size_t j = below(i), kept = order[i];
		order[i] = order[j];
		order[j] = kept;
	}
	for (size_t i = 0; i < lines; i++)
		*(void **)(memory + order[i] * LINE) = memory + order[(i + 1) % lines] * LINE;
	free(order);
	return (void **)memory;
}

static void **follow(void **at, long steps) {
	while (steps-- > 0)
		at = *at;
	return at;
}

int main(int argc, char **argv) {
	if (argc != 3 || atol(argv[1]) < 2 * LINE) {
		fprintf(stderr, "usage: chase BYTES MILLISECONDS\n");
		return 2;
	}
	size_t lines = atol(argv[1]) / LINE;
	void **at = follow(ring(lines), 2 * lines); // warm
	double start = now(), end = start + atof(argv[2]) / 1000, stopped;
	long steps = 0;
	do {
		at = follow(at, BLOCK);
		steps += BLOCK;
	} while ((stopped = now()) < end);
	printf("%.4f\n", at == NULL ? 0 : steps / (stopped - start) / 1e6);
	return 0;
}

// Runs a command N times, at most WIDTH at once, and nothing else: posix_spawn and wait are all that it does, so that it
// tells what the kernel takes to fork, execute and reap. With -a it also takes what wait4 says of the use of each.
//
//     spawn [-a] N WIDTH COMMAND [ARGUMENT...]

#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start(const posix_spawn_file_actions_t *files, char **args) {
	pid_t pid;
	int err = posix_spawn(&pid, args[0], files, NULL, args, environ);
	if (err != 0)
		fprintf(stderr, "start %s: %s\n", args[0], strerror(err));
	return err;
}

// account adds up what a pool would tell of a job.
static void account(const struct rusage *use) {
	static volatile long user, sys, peak;
	user += use->ru_utime.tv_sec * 1000000 + use->ru_utime.tv_usec;
	sys += use->ru_stime.tv_sec * 1000000 + use->ru_stime.tv_usec;
	if (use->ru_maxrss > peak)
		peak = use->ru_maxrss;
}

static int reap(int accounting) {
	struct rusage use;
	int status;
	pid_t pid = accounting ? wait4(-1, &status, 0, &use) : waitpid(-1, &status, 0);
	if (pid > 0 && accounting)
		account(&use);
	if (pid > 0 && status == 0)
		return 0;
	fprintf(stderr, "a command failed\n");
	return 1;
}

int main(int argc, char **argv) {
	int accounting = argc > 1 && strcmp(argv[1], "-a") == 0;
	char **rest = argv + 1 + accounting;
	if (argc - accounting < 4) {
		fprintf(stderr, "usage: spawn [-a] N WIDTH COMMAND [ARGUMENT...]\n");
		return 2;
	}
	long left = atol(rest[0]), width = atol(rest[1]), running = 0;
	posix_spawn_file_actions_t files;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	while (left > 0 || running > 0) {
		for (; left > 0 && running < width; left--, running++)
			if (start(&files, rest + 2) != 0)
				return 1;
		if (reap(accounting) != 0)
			return 1;
		running--;
	}
	return 0;
}

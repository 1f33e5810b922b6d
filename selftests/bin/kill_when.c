// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a command and kills it with SIGKILL after so many milliseconds, or as soon
 * as a path exists.
 *
 *	kill_when [-c] MS|PATH COMMAND...
 *
 * With -c its children die first.  Exits with 137 if it was killed, else with the
 * command's status.
 */
#include <ctype.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static bool is_due(const char *when, double start)
{
	if (isdigit((unsigned char)*when))
		return now_ms() - start >= atoi(when);
	return !access(when, F_OK);
}

static void kill_children(pid_t pid)
{
	char path[64];
	int child;
	FILE *f;

	/* It must not start another, nor tell this one that all is well. */
	kill(pid, SIGSTOP);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "r");
	while (f && fscanf(f, "%d", &child) == 1)
		kill(child, SIGKILL);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	bool children = argc > 1 && !strcmp(argv[1], "-c");
	double start = now_ms();
	int status = 0;
	pid_t pid;

	argv += children;
	if (argc - children < 3) {
		fputs("usage: kill_when [-c] MS|PATH COMMAND...\n", stderr);
		return 2;
	}
	pid = fork();
	if (!pid) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		if (is_due(argv[1], start)) {
			if (children)
				kill_children(pid);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		usleep(500);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

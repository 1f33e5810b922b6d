// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "instance.h"
#include "log.h"

#define STATE_NEW	STATE_FILE ".new"

/* ---- PID files ---- */

static pid_t pid_read(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 0;
}

static int pid_file_open(int flags)
{
	if (flags & O_CREAT)
		mkdir(RUN_DIR, 0700);
	return open(PID_FILE, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/* A lock on a file that has lost its name to an agent's end is worth nothing. */
static bool is_the_pid_file(int fd)
{
	struct stat ours, named;

	return !fstat(fd, &ours) && !lstat(PID_FILE, &named) && ours.st_ino == named.st_ino &&
	       ours.st_dev == named.st_dev;
}

int instance_claim(void)
{
	int fd = pid_file_open(O_RDWR | O_CREAT);
	pid_t pid;

	if (fd < 0) {
		log_error("%s: %s", PID_FILE, strerror(errno));
		return -1;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		if (is_the_pid_file(fd) && !ftruncate(fd, 0))
			return fd;
		log_error("%s: another agent is just ending; try again", PID_FILE);
		close(fd);
		return -1;
	}
	pid = pid_read(fd);
	close(fd);
	if (pid)
		log_error("an agent is running already, process %d; kntrl status tells more, kntrl stop ends it",
			  pid);
	else
		log_error("another agent is just starting");
	return -1;
}

static int pid_write(int fd)
{
	int n = dprintf(fd, "%d\n", getpid());

	return n > 0 ? 0 : -1;
}

/*
 * /tmp is anybody's: whatever has the name goes, and the new file must be ours,
 * not one that a link leads to.  The directory is sticky, so it then stays.
 */
static void pid_publish_tmp(void)
{
	int fd = -1, tries;

	for (tries = 0; fd < 0 && tries < 10; tries++) {
		unlink(PID_FILE_TMP);
		fd = open(PID_FILE_TMP, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	}
	if (fd < 0 || pid_write(fd))
		log_warn("%s: %s; the PID is in " PID_FILE, PID_FILE_TMP, strerror(errno));
	if (fd >= 0)
		close(fd);
}

int instance_publish(int lock)
{
	if (ftruncate(lock, 0) || lseek(lock, 0, SEEK_SET) || pid_write(lock)) {
		log_error("%s: %s", PID_FILE, strerror(errno));
		return -1;
	}
	pid_publish_tmp();
	return 0;
}

static void pid_withdraw_tmp(void)
{
	int fd = open(PID_FILE_TMP, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    pid_read(fd) == getpid())
		unlink(PID_FILE_TMP);
	close(fd);
}

void instance_withdraw(void)
{
	pid_withdraw_tmp();
	unlink(STATE_FILE);
	/* The name first: who opens it from now on makes, and locks, a new file. */
	unlink(PID_FILE);
}

pid_t instance_running(int *pidfd)
{
	int fd = pid_file_open(O_RDONLY), process;
	pid_t pid = 0;

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB))
		pid = pid_read(fd);
	process = pid ? syscall(SYS_pidfd_open, pid, 0) : -1;
	/* Had it ended before that, the number might be another's by now. */
	if (process >= 0 && !flock(fd, LOCK_SH | LOCK_NB))
		pid = 0;
	close(fd);
	if (process < 0)
		return 0;
	if (pid && pidfd)
		*pidfd = process;
	else
		close(process);
	return pid;
}

/* ---- State ---- */

FILE *state_begin(void)
{
	int fd = open(STATE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		log_warn("%s: %s", STATE_NEW, strerror(errno));
	if (!f && fd >= 0)
		close(fd);
	return f;
}

void state_commit(FILE *f)
{
	int err = ferror(f);

	if (fclose(f) || err || rename(STATE_NEW, STATE_FILE))
		log_warn("%s: %s", STATE_FILE, strerror(errno));
}

/* ---- systemd ---- */

void notify_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';	/* the abstract namespace, unix(7) */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			     offsetof(struct sockaddr_un, sun_path) + len) < 0)
		log_warn("%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

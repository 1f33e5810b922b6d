// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "output.h"

/*
 * The file may lie in /tmp: no link is followed, nothing waits (a FIFO), and what
 * somebody else put there, or can still write, is not taken for ours.
 */
static int open_ours(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
		      O_NOCTTY, 0600);
	const char *why = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		why = errno == ELOOP ? "is a symbolic link" : strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "is no regular file";
	else if (st.st_uid != geteuid())
		why = "belongs to somebody else";
	else if (st.st_nlink != 1)
		why = "has several names (hard links)";
	else if (fchmod(fd, 0600))
		why = strerror(errno);
	if (!why)
		return fd;
	log_error("%s: %s; remove it, or name another file with --output-file-name", path, why);
	if (fd >= 0)
		close(fd);
	return -1;
}

int output_open(struct output *o, const char *path)
{
	o->path = path;
	o->used = 0;
	o->failing = false;
	o->lost = o->lost_before = 0;
	o->fd = open_ours(path);
	return o->fd < 0 ? -1 : 0;
}

int output_reopen(struct output *o)
{
	int fd;

	output_flush(o);
	fd = open_ours(o->path);
	if (fd < 0)
		return -1;
	close(o->fd);
	o->fd = fd;
	return 0;
}

static void failed(struct output *o)
{
	if (!o->failing)
		log_error("%s: %s; events are kept as long as there is room for %d bytes, then counted; enforcement goes on",
			  o->path, strerror(errno), OUTPUT_BUFFER);
	o->failing = true;
}

static void recovered(struct output *o)
{
	if (!o->failing)
		return;
	log_note("%s: is written again; %llu lines were lost", o->path, o->lost);
	o->lost_before += o->lost;
	o->lost = 0;
	o->failing = false;
}

bool output_flush(struct output *o)
{
	ssize_t n;

	while (o->used) {
		n = write(o->fd, o->buffer, o->used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			failed(o);
			return false;
		}
		/* The rest of a line that was written in part stays in front. */
		o->used -= n;
		memmove(o->buffer, o->buffer + n, o->used);
	}
	recovered(o);
	return true;
}

void output_line(struct output *o, const char *line, size_t len)
{
	if (o->used + len > sizeof(o->buffer) && !o->failing)
		output_flush(o);
	if (o->used + len > sizeof(o->buffer)) {
		o->lost++;
		return;
	}
	memcpy(o->buffer + o->used, line, len);
	o->used += len;
}

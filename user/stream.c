// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "pins.h"
#include "stream.h"

static int reader_lock(void)
{
	int fd;

	mkdir(RUN_DIR, 0700);
	fd = open(READER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	if (fd >= 0 && errno == EWOULDBLOCK)
		log_error("another process reads the event stream");
	else
		log_error("%s: %s", READER_LOCK, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int stream_open(struct stream *s, ring_buffer_sample_fn take, void *context)
{
	int fd;

	s->ring = NULL;
	s->lock = reader_lock();
	if (s->lock < 0)
		return -1;
	fd = pin_open(PIN_EVENTS);
	if (fd >= 0) {
		s->ring = ring_buffer__new(fd, take, context, NULL);
		if (!s->ring)
			log_error("%s/%s: %s", PIN_DIR, PIN_EVENTS, strerror(errno));
		close(fd);
	}
	if (s->ring)
		return 0;
	stream_close(s);
	return -1;
}

void stream_close(struct stream *s)
{
	ring_buffer__free(s->ring);
	close(s->lock);
}

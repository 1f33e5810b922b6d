/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream, which has one reader at a time. */
#ifndef KNTRL_STREAM_H
#define KNTRL_STREAM_H

#include <stdbool.h>

#include <bpf/libbpf.h>

#define READER_LOCK	RUN_DIR "/reader.lock"

struct stream {
	struct ring_buffer *ring;
	int lock;
};

/* Each record goes to @take.  0, or -1 with a message: it may be somebody else's. */
int stream_open(struct stream *s, ring_buffer_sample_fn take, void *context);
void stream_close(struct stream *s);

#endif

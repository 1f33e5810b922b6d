// SPDX-License-Identifier: Apache-2.0
/*
 * A fuzzer without libFuzzer, for make check: the files of CORPUS, each as it is, and
 * then RUNS of them with some bytes changed, the same in every run.  What is wrong
 * ends it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../kernel/corpus.h"

#define MAX	4096
#define FILES	2048
#define RUNS	1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct {
	uint8_t *bytes;
	size_t len;
} files[FILES];
static unsigned int nfiles;

static uint64_t random_next(void)
{
	static uint64_t x = 88172645463325252ull;	/* xorshift64 */

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* An exact copy, so that a byte too far is seen. */
static bool run(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	int wrong;

	if (!copy)
		abort();
	memcpy(copy, bytes, len);
	wrong = LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	return !wrong;
}

static bool file_runs(const char *path)
{
	static uint8_t bytes[MAX];
	size_t len = corpus_read(path, bytes, sizeof(bytes));

	if (nfiles < FILES) {
		files[nfiles].bytes = malloc(len ? len : 1);
		if (!files[nfiles].bytes)
			abort();
		memcpy(files[nfiles].bytes, bytes, len);
		files[nfiles++].len = len;
	}
	return run(bytes, len);
}

/* One change: a byte, an order of bytes, a piece that is lost, or one of another file. */
static size_t mutate(uint8_t *b, size_t len)
{
	static const uint8_t telling[] = { 0, 1, 0x0c, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xfe, 0xff };
	unsigned int other = random_next() % nfiles;
	size_t at = len ? random_next() % len : 0, n;

	switch (random_next() % 6) {
	case 0:
		b[at] ^= 1 << random_next() % 8;
		return len ? len : 1;
	case 1:
		b[at] = random_next();
		return len ? len : 1;
	case 2:
		b[at] = telling[random_next() % sizeof(telling)];
		return len ? len : 1;
	case 3:
		return at;
	case 4:
		n = len - at > 8 ? 1 + random_next() % 8 : 0;
		memmove(b + at, b + at + n, len - at - n);
		return len - n;
	}
	n = files[other].len < MAX - at ? files[other].len : MAX - at;
	memcpy(b + at, files[other].bytes, n);
	return at + n;
}

int main(void)
{
	static uint8_t b[MAX];
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (corpus_run(CORPUS, file_runs))
		return 1;
	for (i = 0; i < RUNS; i++) {
		unsigned int from = random_next() % nfiles, changes = 1 + random_next() % 4;
		size_t len = files[from].len;

		memcpy(b, files[from].bytes, len);
		while (changes--)
			len = mutate(b, len);
		if (!run(b, len))
			return 1;
	}
	for (i = 0; i < nfiles; i++)
		free(files[i].bytes);
	return 0;
}

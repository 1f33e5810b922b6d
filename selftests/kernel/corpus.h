/* SPDX-License-Identifier: Apache-2.0 */
/* Each file of a directory as a test point. */
#ifndef CORPUS_H
#define CORPUS_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>

/* Up to @max bytes of a file; 0 if there are none. */
static size_t corpus_read(const char *path, void *bytes, size_t max)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f) {
		n = fread(bytes, 1, max, f);
		fclose(f);
	}
	return n;
}

/* Returns how many are wrong, or that there are none. */
static int corpus_run(const char *name, bool (*right)(const char *path))
{
	DIR *dir = opendir(name);
	struct dirent *d;
	int tests = 0, failures = 0;
	char path[4096];

	while (dir && (d = readdir(dir))) {
		bool ok;

		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, d->d_name);
		ok = right(path);
		failures += !ok;
		printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, d->d_name);
	}
	if (dir)
		closedir(dir);
	printf("1..%d\n", tests);
	return failures + !tests;
}

#endif

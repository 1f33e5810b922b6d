// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hash.h"
#include "files.h"
#include "paths.h"
#include "util.h"

#define TREE_FILES	500000	/* that are looked at for other names, of all patterns */

struct adding {
	struct tables *t;
	const __u64 *seed;
	const struct rule_ref *rule;
	__u32 class;
};

static void filter_add(struct adding *a, __u64 first, __u32 len)
{
	__u32 bit = file_filter_bit(first, len);

	a->t->file_filter[1][bit / 64] |= 1ull << bit % 64;
	if (a->class != FILE_PROTECTED)
		a->t->file_filter[0][bit / 64] |= 1ull << bit % 64;
}

static bool is_any(const char *name, size_t len)
{
	return len == 1 && *name == '*';
}

/* ---- Patterns ---- */

/* A path that a pattern is about has this component: the last one that is not "*". */
static void filter_add_pattern(struct adding *a, const char *path)
{
	size_t end = strlen(path), start;
	__u64 first = 0;

	for (end -= path[end - 1] == '/'; end; end = start - 1) {
		for (start = end; path[start - 1] != '/'; start--)
			;
		if (is_any(path + start, end - start))
			continue;
		memcpy(&first, path + start, end - start < 8 ? end - start : 8);
		filter_add(a, first, end - start);
		return;
	}
	memset(a->t->file_filter[1], 0xff, sizeof(a->t->file_filter[1]));
	if (a->class != FILE_PROTECTED)
		memset(a->t->file_filter[0], 0xff, sizeof(a->t->file_filter[0]));
}

static const char *pattern_add(struct adding *a, const char *path)
{
	struct file_rules *rules = a->t->files;
	size_t end = strlen(path), start;
	struct file_pattern p = { .flags = a->class, .rule = *a->rule };
	char name[NAME_MAX + 1];
	__u32 i;

	if (path[1] != '.')
		p.flags |= PATTERN_ROOTED;
	if (path[end - 1] == '/') {
		p.flags |= PATTERN_TREE;
		end--;
	}
	for (; end; end = start - 1) {
		for (start = end; path[start - 1] != '/'; start--)
			;
		if (p.n == PATTERN_PARTS)
			return "has more than 16 components";
		snprintf(name, sizeof(name), "%.*s", (int)(end - start), path + start);
		if (strcmp(name, "*"))
			p.part[p.n] = tables_name_hash(a->seed, name);
		p.n++;
	}
	for (i = 0; i < rules->n; i++)
		if (rules->pattern[i].n == p.n && rules->pattern[i].flags == p.flags &&
		    !memcmp(rules->pattern[i].part, p.part, sizeof(p.part)))
			return NULL;
	if (rules->n == FILE_PATTERNS)
		return "is one too many: there may be 128, with those for where they lead";
	rules->pattern[rules->n++] = p;
	filter_add_pattern(a, path);
	return NULL;
}

/* Of "/proc/PID/...", the length of "/proc/PID"; else 0. */
static size_t process_directory(const char *path)
{
	size_t len;

	if (strncmp(path, "/proc/", 6))
		return 0;
	len = strcspn(path + 6, "/");
	if (is_any(path + 6, len) || strspn(path + 6, "0123456789") == len ||
	    !strncmp(path + 6, "self/", 5) || !strncmp(path + 6, "thread-self/", 12))
		return 6 + len;
	return 0;
}

/* What is of a process is of its threads too: /proc/PID/environ is /proc/PID/task/TID/environ. */
static const char *process_add(struct adding *a, const char *path, size_t dir)
{
	bool self = isalpha(path[6]);
	int begin = self ? strlen("/proc/") : dir;
	char text[PATH_MAX + 16];
	const char *why;

	snprintf(text, sizeof(text), "%.*s%s%s", begin, path, self ? "*" : "", path + dir);
	why = pattern_add(a, text);
	if (why || !path[dir] || !path[dir + 1])	/* the directory holds its threads' */
		return why;
	snprintf(text, sizeof(text), "%.*s%s/task/*%s", begin, path, self ? "*" : "", path + dir);
	return pattern_add(a, text);
}

/* ---- Where a path leads ---- */

/* Replaces the longest beginning that exists, and has no "*", by where it leads.  Whether that is news. */
static bool path_resolve(const char *path, char real[PATH_MAX])
{
	char begin[PATH_MAX], found[PATH_MAX];
	size_t len = strcspn(path, "*");

	for (len -= path[len - 1] == '/'; len; len--) {
		if (path[len] && path[len] != '/')
			continue;
		snprintf(begin, sizeof(begin), "%.*s", (int)len, path);
		if (realpath(begin, found))
			return snprintf(real, PATH_MAX, "%s%s", strcmp(found, "/") ? found : "",
					path + len) < PATH_MAX && strcmp(real, path);
	}
	return false;
}

/* ---- Numbers ---- */

static void id_add(struct adding *a, __u64 hash)
{
	struct tables *t = a->t;
	size_t i;

	for (i = 0; i < t->nfile_ids; i++) {
		if (t->file_ids[i].hash == hash) {
			t->file_ids[i].id.flags |= a->class;
			return;
		}
	}
	t->file_ids = xreallocarray(t->file_ids, t->nfile_ids + 1, sizeof(*t->file_ids));
	t->file_ids[t->nfile_ids++] = (struct file_id_entry){
		.hash = hash, .id = { .flags = a->class, .rule = *a->rule },
	};
}

static void device_add(struct adding *a, __u32 mode, __u32 major, __u32 minor)
{
	__u64 number = device_number(mode, major << 20 | minor);

	filter_add(a, number, FILTER_DEVICE);
	id_add(a, device_hash(a->seed, number));
}

static void number_add(struct adding *a, const struct stat *st)
{
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		device_add(a, st->st_mode, major(st->st_rdev), minor(st->st_rdev));
	} else if (st->st_nlink > 1 && !S_ISDIR(st->st_mode)) {
		filter_add(a, st->st_ino, FILTER_INODE);
		id_add(a, hash_file(a->seed, major(st->st_dev) << 20 | minor(st->st_dev), st->st_ino));
	}
}

static struct adding *walking;	/* nftw(3) hands nothing on */
static unsigned int walked;

static int walk_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)at;
	if (type == FTW_F)
		number_add(walking, st);
	return walked++ > TREE_FILES ? FTW_STOP : FTW_CONTINUE;
}

/* Devices that need no node to be known. */
static void known_device_add(struct adding *a, const char *path)
{
	if (!strcmp(path, "/dev/mem"))
		device_add(a, S_IFCHR, 1, 1);
	if (!strcmp(path, "/dev/kmem"))
		device_add(a, S_IFCHR, 1, 2);
	if (!strcmp(path, "/dev/port"))
		device_add(a, S_IFCHR, 1, 4);
}

static bool is_virtual(const char *path)
{
	return !strncmp(path, "/proc/", 6) || !strncmp(path, "/sys/", 5);
}

static const char *path_numbers(struct adding *a, const char *path)
{
	bool tree = path[strlen(path) - 1] == '/';
	struct stat st;

	if (lstat(path, &st))
		return NULL;
	if (S_ISDIR(st.st_mode) && !tree)
		return "is a directory; end it in \"/\" for all that is in it";
	walking = a;
	if (tree && nftw(path, walk_file, 16, FTW_PHYS | FTW_ACTIONRETVAL) == FTW_STOP)
		return "holds too many files to look at now; name fewer";
	if (!tree)
		number_add(a, &st);
	return NULL;
}

/* Of what is there now; /proc and /sys have no links. */
static const char *numbers_add(struct adding *a, const char *pattern)
{
	const char *why = NULL;
	glob_t found;
	size_t i;

	known_device_add(a, pattern);
	if (is_virtual(pattern) || pattern[1] == '.' || !strncmp(pattern, "/*", 2))
		return NULL;
	if (!strchr(pattern, '*'))
		return path_numbers(a, pattern);
	if (glob(pattern, GLOB_NOSORT | GLOB_PERIOD, NULL, &found))
		return NULL;
	for (i = 0; i < found.gl_pathc && !why; i++)
		why = path_numbers(a, found.gl_pathv[i]);
	globfree(&found);
	return why;
}

const char *paths_add(struct tables *t, const __u64 seed[2], const char *pattern, __u32 class,
		      const struct rule_ref *rule)
{
	struct adding a = { .t = t, .seed = seed, .rule = rule, .class = class };
	size_t dir = process_directory(pattern);
	char real[PATH_MAX];
	const char *why;

	if (dir)
		return process_add(&a, pattern, dir);
	why = pattern_add(&a, pattern);
	if (!why)
		why = numbers_add(&a, pattern);
	if (why || pattern[1] == '.' || !path_resolve(pattern, real))
		return why;
	dir = process_directory(real);
	if (dir) {	/* as /etc/mtab leads to that of who looks */
		char any[PATH_MAX + 8];

		snprintf(any, sizeof(any), "/proc/*%s", real + dir);
		return process_add(&a, any, strlen("/proc/*"));
	}
	why = pattern_add(&a, real);
	return why ?: numbers_add(&a, real);
}

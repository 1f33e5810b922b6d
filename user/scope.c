// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "install.h"
#include "log.h"
#include "scope.h"

bool scope_parse(struct scope_choice *c, const char *text)
{
	char *end;

	*c = (struct scope_choice){ .kind = SCOPE_HOST };
	if (!strcmp(text, "host"))
		return true;
	if (!strncmp(text, "cgroup:", 7) && text[7]) {
		c->kind = SCOPE_CGROUP;
		c->cgroup = text + 7;
		return true;
	}
	if (!strncmp(text, "tree:", 5)) {
		c->kind = SCOPE_TREE;
		c->pid = strtol(text + 5, &end, 10);
		return !*end && end != text + 5 && c->pid > 0;
	}
	return false;
}

/* The number of the scope that matches, or of a free one; -1 with a message. */
static int scope_number(const struct engine *e, bool (*is)(const struct scope *, __u64), __u64 arg,
			bool make)
{
	int i, free = 0;
	struct scope s;

	for (i = 1; i < SCOPE_SELFTEST; i++) {
		if (scope_read(e, i, &s))
			return -1;
		if (s.slot && is(&s, arg))
			return i;
		if (!s.slot && !free)
			free = i;
	}
	if (make && !free)
		log_error("all %d scopes are in use; end one with --unload --scope", SCOPE_SELFTEST - 1);
	return make && free ? free : -1;
}

static bool is_cgroup(const struct scope *s, __u64 id)
{
	return s->cgroup == id;
}

/* A process id alone may be another process's by now. */
static bool is_tree(const struct scope *s, __u64 start_and_pid)
{
	return s->root == (__u32)start_and_pid && s->root_start == start_and_pid >> 32;
}

static bool is_tree_of_pid(const struct scope *s, __u64 pid)
{
	return s->root == pid;
}

/* What follows the name in /proc/PID/stat, or NULL: comm may have anything in it. */
static const char *process_stat(__u32 pid, char *buf, size_t size)
{
	char path[32], *end;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (f) {
		n = fread(buf, 1, size - 1, f);
		fclose(f);
	}
	buf[n] = '\0';
	end = strrchr(buf, ')');
	return end ? end + 1 : NULL;
}

/* When a process began, in clock ticks since boot; 0: there is none. */
static __u32 process_start(__u32 pid)
{
	unsigned long long start = 0;
	char buf[1024];
	const char *stat = process_stat(pid, buf, sizeof(buf));

	if (stat)
		sscanf(stat, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		       &start);
	return start;
}

static int tree_find(const struct engine *e, __u32 pid, struct scope *s, bool make)
{
	int id;

	s->root = pid;
	s->root_start = process_start(pid);
	if (make && !s->root_start) {
		log_error("--scope tree:%u: no such process", pid);
		return -1;
	}
	id = scope_number(e, is_tree, (__u64)s->root_start << 32 | pid, make);
	if (id < 0 && !make)
		id = scope_number(e, is_tree_of_pid, pid, make);
	return id;
}

/* A cgroup by its path, absolute or below the mount point: its id and depth. */
static int cgroup_find(const struct kernel *k, const char *path, struct scope *s)
{
	struct stat st, root;
	int fd, up;

	fd = openat(k->cgroup, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		while (*path == '/')
			path++;
		fd = openat(k->cgroup, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) || fstat(k->cgroup, &root) || st.st_dev != root.st_dev) {
		log_error("--scope cgroup:%s: no such cgroup", path);
		return -1;
	}
	s->cgroup = st.st_ino;
	while (st.st_ino != root.st_ino) {
		up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = up;
		if (fd < 0 || fstat(fd, &st))
			return -1;
		s->cgroup_level++;
	}
	close(fd);
	if (!s->cgroup_level)
		log_error("--scope cgroup: the root cgroup is the host; use --scope host");
	return s->cgroup_level ? 0 : -1;
}

int scope_find(const struct engine *e, const struct kernel *k, const struct scope_choice *c,
	       struct scope *s, bool make)
{
	*s = (struct scope){ 0 };
	if (c->kind == SCOPE_HOST)
		return 0;
	if (c->kind == SCOPE_TREE)
		return tree_find(e, c->pid, s, make);
	return cgroup_find(k, c->cgroup, s) ? -1 : scope_number(e, is_cgroup, s->cgroup, make);
}

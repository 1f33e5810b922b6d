// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "hash.h"
#include "log.h"
#include "pins.h"
#include "self.h"

/* ---- What is ours ---- */

static int own_btf(struct own *own, __u32 id)
{
	int i;

	for (i = 0; i < OWN_BTFS && own->btfs[i] && own->btfs[i] != id; i++)
		;
	if (i < OWN_BTFS)
		own->btfs[i] = id;
	return i < OWN_BTFS ? 0 : -1;
}

static int own_map(struct own *own, __u32 id)
{
	int i;

	for (i = 0; i < OWN_MAPS && own->maps[i]; i++)
		;
	if (i < OWN_MAPS)
		own->maps[i] = id;
	return i < OWN_MAPS ? 0 : -1;
}

/* What a pin stands for: by its BTF, or maps that have none by number. */
static int own_pin(const struct engine *e, const char *pin, struct own *own)
{
	bool is_prog = !strncmp(pin, PIN_PROG_PREFIX, strlen(PIN_PROG_PREFIX));
	struct bpf_prog_info prog = { 0 };
	struct bpf_map_info map = { 0 };
	__u32 len = is_prog ? sizeof(prog) : sizeof(map);
	int fd = engine_fd(e, pin), err = -1;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, is_prog ? (void *)&prog : &map, &len))
		log_error("%s/%s: %s", e->dir, pin, strerror(errno));
	else if (is_prog || map.btf_id)
		err = own_btf(own, is_prog ? prog.btf_id : map.btf_id);
	else
		err = own_map(own, map.id);
	if (fd >= 0)
		close(fd);
	return err;
}

static int own_pins(const struct engine *e, struct own *own)
{
	DIR *pins = opendir(e->dir);
	struct dirent *d;
	int err = pins ? 0 : -1;

	while (!err && (d = readdir(pins)))
		if (d->d_name[0] != '.' && strncmp(d->d_name, "link_", 5))
			err = own_pin(e, d->d_name, own);
	if (pins)
		closedir(pins);
	if (err)
		log_error("%s: what is loaded cannot be told from what is not", e->dir);
	return err;
}

struct mounted {
	int id, parent;
	unsigned int major, minor;
};

/* A line of /proc/self/mountinfo: "36 35 98:0 / /mnt rw shared:1 - ext3 ..." */
static bool mount_parse(const char *line, struct mounted *m)
{
	return sscanf(line, "%d %d %u:%u", &m->id, &m->parent, &m->major, &m->minor) == 4;
}

static bool mount_find(int id, struct mounted *m)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	while (f && !found && getline(&line, &size, f) > 0)
		found = mount_parse(line, m) && m->id == id;
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* The mount of the pins, and those that it hangs from. */
static void own_mounts(int id, struct own *own)
{
	struct mounted m;
	int n;

	for (n = 0; n < OWN_MOUNTS && mount_find(id, &m); n++) {
		own->mounts[n] = (struct own_mount){ .id = m.id, .dev = m.major << 20 | m.minor };
		if (m.parent == m.id)
			break;
		id = m.parent;
	}
}

/* ---- Files ---- */

static int own_file(const struct engine *e, const char *path, __u32 kind)
{
	int fd = engine_fd(e, PIN_OWN_FILES), err = 0;
	__u32 had = 0;
	struct stat st;
	__u64 hash;

	if (fd < 0 || stat(path, &st)) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? -1 : 0;
	}
	hash = hash_file(e->control->seed, major(st.st_dev) << 20 | minor(st.st_dev), st.st_ino);
	if (S_ISDIR(st.st_mode))
		kind = OWN_DIR;
	bpf_map_lookup_elem(fd, &hash, &had);
	if ((had | kind) != had) {
		kind |= had;
		err = bpf_map_update_elem(fd, &hash, &kind, BPF_ANY);
	}
	if (err)
		log_error("%s cannot be protected: %s", path, strerror(errno));
	else if (kind & OWN_READ)
		e->control->own.token = st.st_ino;
	close(fd);
	return err;
}

int self_file(const struct engine *e, const char *name, __u32 kind)
{
	char path[PATH_MAX], *slash;

	if (!realpath(name, path))
		return 0;	/* it came from a pipe, or by a flag */
	if (own_file(e, path, kind))
		return -1;
	while ((slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (own_file(e, *path ? path : "/", OWN_DIR))
			return -1;
	}
	return 0;
}

/* The programs that were installed together, and this one. */
static int own_programs(const struct engine *e)
{
	static const char *const names[] = { "kntrl", "kntrl-load" };
	char path[PATH_MAX + 16], *name;
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	size_t i;
	int err;

	if (n <= 0)
		return 0;
	path[n] = '\0';
	err = self_file(e, path, OWN_WRITE | OWN_RUN);
	name = strrchr(path, '/') + 1;
	for (i = 0; i < sizeof(names) / sizeof(*names) && !err; i++) {
		strcpy(name, names[i]);
		err = self_file(e, path, OWN_WRITE | OWN_RUN);
	}
	return err;
}

int self_know(struct engine *e)
{
	struct own own = { .token = e->control->own.token };
	struct statx st;

	if (own_pins(e, &own) || own_programs(e) || self_file(e, e->dir, OWN_DIR))
		return -1;
	if (statx(AT_FDCWD, e->dir, 0, STATX_INO | STATX_MNT_ID, &st)) {
		log_error("%s: %s", e->dir, strerror(errno));
		return -1;
	}
	own.dir = st.stx_ino;
	own.dev = st.stx_dev_major << 20 | st.stx_dev_minor;
	own_mounts(st.stx_mnt_id, &own);
	e->control->own = own;
	return 0;
}

/* ---- The token ---- */

#define DIGITS	(2 * sizeof(struct unlock))

static bool shown;	/* by this process, or by who forked it */

int self_show(const struct unlock *token)
{
	if (!syscall(SYS_bpf, UNLOCK_COMMAND, token, sizeof(*token)) || errno != EALREADY)
		return -1;
	shown = true;
	return 0;
}

static bool token_parse(const char *text, struct unlock *token)
{
	unsigned char *p = (unsigned char *)token;
	size_t i;

	for (i = 0; i < sizeof(*token); i++)
		if (sscanf(text + 2 * i, "%2hhx", &p[i]) != 1)
			return false;
	return true;
}

/* /dev/fd/N: that descriptor itself, a socket perhaps, which cannot be opened; -1: it is none. */
static int descriptor(const char *file)
{
	int fd, end = 0;

	if (sscanf(file, "/dev/fd/%d%n", &fd, &end) != 1 || file[end])
		return -1;
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* 0; 1: the file is empty or not there; -1 with a message. */
static int token_read(const char *file, struct unlock *token)
{
	char text[DIGITS + 1] = "";
	int fd = descriptor(file);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return 1;
	while (fd >= 0 && n < DIGITS && (got = read(fd, text + n, DIGITS - n)) > 0)
		n += got;
	if (fd < 0)
		log_error("--token-file %s: %s%s", file, strerror(errno), errno == EPERM ?
			  " (who is under the policy cannot read it: give the token by a pipe)" : "");
	else
		close(fd);
	if (fd >= 0 && n && (n < DIGITS || !token_parse(text, token))) {
		log_error("--token-file %s: is no token: 64 hexadecimal digits were expected", file);
		return -1;
	}
	return fd < 0 ? -1 : !n;
}

static int token_write(const char *file, const struct unlock *token)
{
	const unsigned char *p = (const unsigned char *)token;
	int fd = descriptor(file);
	char text[DIGITS + 2];
	struct stat st;
	size_t i;

	if (fd < 0)
		fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* a pipe by its name */
	if (fd < 0 && errno == EEXIST && !stat(file, &st) && !S_ISREG(st.st_mode))
		fd = open(file, O_WRONLY | O_CLOEXEC);
	for (i = 0; i < sizeof(*token); i++)
		snprintf(text + 2 * i, 4, "%02x\n", p[i]);
	if (fd < 0 || write(fd, text, DIGITS + 1) != (ssize_t)DIGITS + 1 || close(fd)) {
		log_error("--token-file %s: %s", file, strerror(errno));
		return -1;
	}
	return 0;
}

static bool is_regular(const char *file)
{
	struct stat st;

	return !stat(file, &st) && S_ISREG(st.st_mode);
}

/* Whether the hook that takes tokens is attached. */
static bool asks_for_token(void)
{
	return !access(PIN_DIR "/link_self_bpf", F_OK);
}

int self_unlock(const char *file)
{
	struct unlock token;
	int err, fd;

	if (!asks_for_token())
		return 0;
	prctl(PR_SET_DUMPABLE, 0);	/* it is not to be found in a core */
	err = file ? token_read(file, &token) : 1;
	if (err < 0)
		return -1;
	if (!err && self_show(&token)) {
		log_error("--token-file %s: is not the token of what is loaded", file);
		return -1;
	}
	fd = bpf_obj_get(PIN_DIR "/" PIN_CONTROL);
	if (fd < 0 && errno == EPERM) {
		log_error("what is loaded protects itself (rules.self_protect): give its token by --token-file, or do this from outside of its scope");
		return -1;
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

/* The token that is in force, or a new one. */
static int token_get(struct engine *e, struct unlock *token, bool *fresh)
{
	const struct unlock none = { 0 };
	int fd = engine_fd(e, PIN_UNLOCK), err = -1;

	if (fd < 0)
		return -1;
	*fresh = !bpf_map_lookup_elem(fd, &(__u32){ 0 }, token) &&
		 !memcmp(token, &none, sizeof(none));
	if (!*fresh)
		err = 0;
	else if (getrandom(token, sizeof(*token), 0) == sizeof(*token))
		err = bpf_map_update_elem(fd, &(__u32){ 0 }, token, BPF_ANY);
	if (err)
		log_error("map unlock: %s", strerror(errno));
	close(fd);
	return err;
}

static int token_forget(struct engine *e)
{
	const struct unlock none = { 0 };
	int fd = engine_fd(e, PIN_UNLOCK), err;

	err = fd < 0 ? -1 : bpf_map_update_elem(fd, &(__u32){ 0 }, &none, BPF_ANY);
	if (fd >= 0)
		close(fd);
	return err;
}

int self_prepare(struct engine *e, const char *file, bool seal, int heir)
{
	bool fresh, had = shown;
	struct unlock token;

	if (token_get(e, &token, &fresh))
		return -1;
	if (self_show(&token)) {
		log_error("the token is not taken: %s", strerror(errno));
		return -1;
	}
	engine_unlock_janitor(e, &token);
	if (heir > 0 && write(heir, &token, sizeof(token)) != sizeof(token))
		log_warn("the agent is gone");
	if (seal || (fresh && !file))
		return token_forget(e);
	/* One that is there was read, and was right, or this process is out of every scope. */
	if (!file || (!fresh && (is_regular(file) || had)))
		return 0;
	return token_write(file, &token) ||
	       (is_regular(file) && self_file(e, file, OWN_READ | OWN_WRITE)) ? -1 : 0;
}

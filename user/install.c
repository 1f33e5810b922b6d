// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "install.h"
#include "log.h"
#include "pins.h"
#include "util.h"

/* The tables of a slot: the pin of the array they go into, and their own. */
enum table { POLICY, ADDRESSES, PROCESSES, SOCKET_RULES, HOSTS, FILE_RULES, FILE_IDS, TABLES };

static const struct {
	const char *outer;
	const char *key, *value;	/* type names in the BTF of our object */
	enum bpf_map_type type;
	__u32 key_size, value_size, flags;
} kinds[TABLES] = {
	[POLICY] = { PIN_POLICIES, "__u32", "policy", BPF_MAP_TYPE_ARRAY, 4,
		     sizeof(struct policy), 0 },
	[ADDRESSES] = { PIN_ADDRESSES, "address_key", "destination", BPF_MAP_TYPE_LPM_TRIE,
			sizeof(struct address_key), sizeof(struct destination),
			BPF_F_NO_PREALLOC },
	[PROCESSES] = { PIN_PROCESSES, "__u64", "atoms", BPF_MAP_TYPE_HASH, 8,
			sizeof(struct atoms), 0 },
	[SOCKET_RULES] = { PIN_SOCKETS, "__u64", "rule_ref", BPF_MAP_TYPE_HASH, 8,
			   sizeof(struct rule_ref), 0 },
	[HOSTS] = { PIN_HOSTS, "host_key", "destination", BPF_MAP_TYPE_LPM_TRIE,
		    sizeof(struct host_key), sizeof(struct destination), BPF_F_NO_PREALLOC },
	[FILE_RULES] = { PIN_FILES, "__u32", "file_rules", BPF_MAP_TYPE_ARRAY, 4,
			 sizeof(struct file_rules), 0 },
	[FILE_IDS] = { PIN_FILE_IDS, "__u64", "file_id", BPF_MAP_TYPE_HASH, 8,
		       sizeof(struct file_id), 0 },
};

/* ---- Making tables ---- */

/* The types of our maps, so that what userspace makes is legible too. */
static struct btf *types_of(const struct engine *e, int *btf_fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int fd = engine_fd(e, PIN_FLOWS);
	struct btf *btf = NULL;

	*btf_fd = -1;
	if (fd < 0)
		return NULL;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len)) {
		*btf_fd = bpf_btf_get_fd_by_id(info.btf_id);
		btf = btf__load_from_kernel_by_id(info.btf_id);
	}
	close(fd);
	return btf;
}

static __u32 type_id(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	if (id < 0)
		id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	return id < 0 ? 0 : id;
}

static int table_create(const struct btf *btf, int btf_fd, enum table kind, size_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = kinds[kind].flags);
	int fd;

	if (btf && btf_fd >= 0) {
		opts.btf_fd = btf_fd;
		opts.btf_key_type_id = type_id(btf, kinds[kind].key);
		opts.btf_value_type_id = type_id(btf, kinds[kind].value);
	}
	fd = bpf_map_create(kinds[kind].type, kinds[kind].outer, kinds[kind].key_size,
			    kinds[kind].value_size, entries ?: 1, &opts);
	if (fd < 0)
		log_error("map %s: cannot be made for %zu entries: %s", kinds[kind].outer, entries,
			  strerror(errno));
	return fd;
}

/*
 * Since 6.13 a trie takes its nodes from a cache that is filled in the
 * background, and a fast writer may find it empty (ENOMEM).
 */
static int entry_put(int fd, const void *key, const void *value)
{
	int tries;

	for (tries = 0; bpf_map_update_elem(fd, key, value, BPF_ANY); tries++) {
		if (errno != ENOMEM || tries == 1000)
			return -1;
		usleep(1000);
	}
	return 0;
}

static int table_fill(int fd, enum table kind, const struct tables *t)
{
	const __u32 zero = 0;
	size_t i;
	int err = 0;

	if (kind == POLICY)
		err = entry_put(fd, &zero, &t->policy);
	if (kind == FILE_RULES)
		err = entry_put(fd, &zero, t->files);
	for (i = 0; kind == ADDRESSES && i < t->naddresses && !err; i++)
		err = entry_put(fd, &t->addresses[i].key, &t->addresses[i].dest);
	for (i = 0; kind == PROCESSES && i < t->nprocesses && !err; i++)
		err = entry_put(fd, &t->processes[i].hash, &t->processes[i].atoms);
	for (i = 0; kind == SOCKET_RULES && i < t->nsockets && !err; i++)
		err = entry_put(fd, &t->sockets[i].hash, &t->sockets[i].rule);
	for (i = 0; kind == HOSTS && i < t->nhosts && !err; i++)
		err = entry_put(fd, &t->hosts[i].key, &t->hosts[i].dest);
	for (i = 0; kind == FILE_IDS && i < t->nfile_ids && !err; i++)
		err = entry_put(fd, &t->file_ids[i].hash, &t->file_ids[i].id);
	/* From here on not even root can change what was loaded. */
	if (!err)
		err = bpf_map_freeze(fd);
	if (err)
		log_error("map %s: %s", kinds[kind].outer, strerror(errno));
	return err;
}

static size_t table_entries(enum table kind, const struct tables *t)
{
	switch (kind) {
	case ADDRESSES:
		return t->naddresses;
	case PROCESSES:
		return t->nprocesses;
	case HOSTS:
		return t->nhosts;
	case SOCKET_RULES:
		return t->nsockets;
	case FILE_IDS:
		return t->nfile_ids;
	default:
		return 1;
	}
}

static int tables_make(const struct engine *e, const struct tables *t, int fds[TABLES])
{
	int kind, err = 0, btf_fd;
	struct btf *btf = types_of(e, &btf_fd);

	for (kind = 0; kind < TABLES; kind++)
		fds[kind] = -1;
	for (kind = 0; kind < TABLES && !err; kind++) {
		fds[kind] = table_create(btf, btf_fd, kind, table_entries(kind, t));
		err = fds[kind] < 0 ? -1 : table_fill(fds[kind], kind, t);
	}
	btf__free(btf);
	if (btf_fd >= 0)
		close(btf_fd);
	return err;
}

/* ---- Slots ---- */

static int slot_put(const struct engine *e, __u32 slot, const int fds[TABLES])
{
	int kind, outer, err = 0;

	for (kind = 0; kind < TABLES && !err; kind++) {
		outer = engine_fd(e, kinds[kind].outer);
		err = outer < 0 ? -1 : bpf_map_update_elem(outer, &slot, &fds[kind], BPF_ANY);
		if (err)
			log_error("map %s: slot %u: %s", kinds[kind].outer, slot, strerror(errno));
		if (outer >= 0)
			close(outer);
	}
	return err;
}

/*
 * Returns when no program is at work any more that has found the slot in force:
 * the kernel waits so after every update of a map of maps (maybe_wait_bpf_programs).
 */
static void slot_wait(const struct engine *e, __u32 slot)
{
	int outer = engine_fd(e, PIN_POLICIES), fd = -1;
	__u32 id;

	if (outer >= 0 && !bpf_map_lookup_elem(outer, &slot, &id))
		fd = bpf_map_get_fd_by_id(id);
	if (fd >= 0)
		bpf_map_update_elem(outer, &slot, &fd, BPF_ANY);
	if (fd >= 0)
		close(fd);
	if (outer >= 0)
		close(outer);
}

/* A program that finds only some of a policy's tables would deny. */
static void slot_clear(const struct engine *e, __u32 slot)
{
	int kind, outer;

	if (slot)
		slot_wait(e, slot);
	for (kind = 0; kind < TABLES && slot; kind++) {
		outer = engine_fd(e, kinds[kind].outer);
		if (outer < 0)
			continue;
		bpf_map_delete_elem(outer, &slot);
		close(outer);
	}
}

int scope_read(const struct engine *e, __u32 id, struct scope *s)
{
	int fd = engine_fd(e, PIN_SCOPES), err;

	if (fd < 0)
		return -1;
	err = bpf_map_lookup_elem(fd, &id, s);
	if (err)
		log_error("map scopes: scope %u: %s", id, strerror(errno));
	close(fd);
	return err;
}

static int scope_write(const struct engine *e, __u32 id, const struct scope *s)
{
	int fd = engine_fd(e, PIN_SCOPES), err;

	if (fd < 0)
		return -1;
	err = bpf_map_update_elem(fd, &id, s, BPF_ANY);
	if (err)
		log_error("map scopes: scope %u: %s", id, strerror(errno));
	close(fd);
	return err;
}

static __u32 slot_free(const struct engine *e)
{
	bool used[SLOTS] = { true };
	struct scope s;
	__u32 i;

	for (i = 0; i < SCOPES; i++)
		if (!scope_read(e, i, &s) && s.slot < SLOTS)
			used[s.slot] = true;
	for (i = 1; i < SLOTS; i++)
		if (!used[i])
			return i;
	return 0;
}

/* ---- Switching ---- */

static __u32 policy_flags(const struct engine *e, __u32 slot)
{
	int outer = engine_fd(e, PIN_POLICIES), fd = -1;
	struct policy *p = xmalloc(sizeof(*p));
	__u32 id;
	/* The stricter, if it cannot be read. */
	__u32 flags = POLICY_LOOPBACK | POLICY_TRACE | POLICY_PTRACE | POLICY_SELF | POLICY_EXEC |
		      POLICY_SNI | POLICY_QUERIES | POLICY_FILES;

	if (outer >= 0 && !bpf_map_lookup_elem(outer, &slot, &id))
		fd = bpf_map_get_fd_by_id(id);
	if (fd >= 0 && !bpf_map_lookup_elem(fd, &(__u32){ 0 }, p))
		flags = p->flags;
	if (fd >= 0)
		close(fd);
	if (outer >= 0)
		close(outer);
	free(p);
	return flags;
}

/* One scope's part in what keeps processes from something: from now on, or no longer. */
static void guards_set(struct engine *e, __u32 scope, __u32 flags, bool add)
{
	static const __u32 wanted[GUARDS] = {
		[GUARD_PTRACE] = POLICY_PTRACE,
		[GUARD_EXEMPT] = POLICY_EXEMPTS,
		[GUARD_SOCKETS] = POLICY_SOCKETS,
		[GUARD_SELF] = POLICY_SELF,
		[GUARD_FILES] = POLICY_FILES,
	};
	__u64 bit = 1ull << scope;
	int g;

	for (g = 0; g < GUARDS; g++) {
		struct guard_scopes *s = &e->control->guards[g];
		__u64 trace = (flags & wanted[g]) && (flags & POLICY_TRACE) ? bit : 0;
		__u64 monitor = (flags & wanted[g]) && !trace ? bit : 0;

		if (add && trace)
			s->trace |= bit;
		if (add)
			continue;
		s->monitor = (s->monitor & ~bit) | monitor;
		s->trace = (s->trace & ~bit) | trace;
	}
}

/* What all programs must know of all policies together. */
static void control_renew(struct engine *e)
{
	struct scope s;
	__u32 i, flags = 0;

	for (i = 0; i < SCOPES; i++) {
		__u32 policy;

		if (scope_read(e, i, &s))
			continue;
		policy = s.slot ? policy_flags(e, s.slot) : 0;
		guards_set(e, i, policy, false);
		if (!s.slot)
			continue;
		if (policy & POLICY_LOOPBACK)
			flags |= CONTROL_LOOPBACK;
		if (policy & POLICY_EXEC)
			flags |= CONTROL_EXEC;
		if (policy & POLICY_SNI)
			flags |= CONTROL_SNI;
		if (policy & POLICY_QUERIES)
			flags |= CONTROL_QUERIES;
		if (s.cgroup)
			flags |= CONTROL_CGROUPS;
	}
	__atomic_store_n(&e->control->flags, flags, __ATOMIC_RELEASE);
}

static const char *const shown[TABLES] = {
	"policy", "addresses", "processes", "sockets", "hosts", "files", "file_ids"
};

/* Bits of a policy that ends stay: to take them out would open what another one blocks. */
static void file_filter_add(struct engine *e, const struct tables *t)
{
	int i;

	for (i = 0; i < FILE_FILTER; i++) {
		__atomic_or_fetch(&e->control->file_filter[0][i], t->file_filter[0][i], __ATOMIC_SEQ_CST);
		__atomic_or_fetch(&e->control->file_filter[1][i], t->file_filter[1][i], __ATOMIC_SEQ_CST);
	}
}

/* The tables in force under names that people find: scope0_addresses. */
static void tables_show(const struct engine *e, __u32 id, const int fds[TABLES])
{
	char path[128], fresh[160];
	int kind;

	for (kind = 0; kind < TABLES; kind++) {
		snprintf(path, sizeof(path), "%s/scope%u_%s", e->dir, id, shown[kind]);
		snprintf(fresh, sizeof(fresh), "%s_new", path);
		unlink(fresh);
		if (!fds)
			unlink(path);
		else if (bpf_obj_pin(fds[kind], fresh) || rename(fresh, path))
			log_warn("%s: %s", path, strerror(errno));
	}
}

int scope_install(struct engine *e, __u32 id, const struct scope *like, struct tables *t)
{
	__u32 slot = slot_free(e);
	struct scope old, s = *like;
	int kind, err, fds[TABLES];

	if (scope_read(e, id, &old))
		return -1;
	if (!slot) {
		log_error("all %d policy slots are in use", SLOTS - 1);
		return -1;
	}
	/* Should the end of another scope of that number have been cut short. */
	if (id && !old.slot && old.generation && engine_move(e, scope_bit(id), 0, 0))
		return -1;
	s.slot = slot;
	s.generation = old.generation + 1;
	t->policy.generation = s.generation;
	t->policy.scope = id;
	err = tables_make(e, t, fds);
	if (!err)
		err = slot_put(e, slot, fds);
	if (!err) {
		/* Stricter looks first, laxer ones when nobody needs them. */
		if (t->policy.flags & POLICY_LOOPBACK)
			e->control->flags |= CONTROL_LOOPBACK;
		if (t->policy.flags & POLICY_EXEC)
			e->control->flags |= CONTROL_EXEC;
		if (t->policy.flags & POLICY_SNI)
			e->control->flags |= CONTROL_SNI;
		if (t->policy.flags & POLICY_QUERIES)
			e->control->flags |= CONTROL_QUERIES;
		if (s.cgroup)
			e->control->flags |= CONTROL_CGROUPS;
		file_filter_add(e, t);
		guards_set(e, id, t->policy.flags, true);
		err = scope_write(e, id, &s);
	}
	if (err) {
		slot_clear(e, slot);
	} else {
		engine_new_epoch(e);
		slot_clear(e, old.slot);
		engine_new_epoch(e);
		control_renew(e);
		if (id != SCOPE_SELFTEST)
			tables_show(e, id, fds);
	}
	for (kind = 0; kind < TABLES; kind++)
		if (fds[kind] >= 0)
			close(fds[kind]);
	return err;
}

int scope_remove(struct engine *e, __u32 id)
{
	struct scope s;
	__u32 slot;

	if (scope_read(e, id, &s))
		return -1;
	slot = s.slot;
	s.slot = 0;
	s.cgroup = 0;
	s.root = 0;
	if (scope_write(e, id, &s))
		return -1;
	engine_new_epoch(e);
	slot_clear(e, slot);
	engine_new_epoch(e);
	control_renew(e);
	tables_show(e, id, NULL);
	/* The number will be another scope's one day, its processes not. */
	return id ? engine_move(e, scope_bit(id), 0, 0) : 0;
}

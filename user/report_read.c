// SPDX-License-Identifier: Apache-2.0
/* What the pinned maps hold, taken into a struct report. */
#include <dirent.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "pins.h"
#include "report.h"
#include "util.h"

static int other_version(const char *name)
{
	fprintf(stderr, "kntrl: %s/%s is of another version of kntrl; use the one that loaded it, "
		"or load the policy again with kntrl-load\n", PIN_DIR, name);
	return -1;
}

int map_open(const char *name, __u32 key_size, __u32 value_size)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = pin_open_readonly(name);

	if (fd < 0)
		return -1;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.key_size == key_size &&
	    info.value_size == value_size)
		return fd;
	close(fd);
	return other_version(name);
}

int control_read(struct control *c)
{
	int fd = map_open(PIN_CONTROL, sizeof(__u32), sizeof(*c));
	__u32 zero = 0;
	int err;

	if (fd < 0)
		return -1;
	err = bpf_map_lookup_elem(fd, &zero, c);
	close(fd);
	return err || c->abi != ABI_VERSION ? other_version(PIN_CONTROL) : 0;
}

/* ---- Flows ---- */

static int flows_read(struct report *r, __u32 last)
{
	int fd = map_open(PIN_FLOWS, sizeof(__u32), sizeof(struct flow));
	__u32 i;

	if (fd < 0)
		return -1;
	if (last >= FLOWS)
		last = FLOWS - 1;
	r->flows = xcalloc(last, sizeof(*r->flows));
	for (i = 1; i <= last; i++) {
		struct flow *f = &r->flows[r->nflows];

		if (!bpf_map_lookup_elem(fd, &i, f) && f->count &&
		    f->key.scope != SCOPE_SELFTEST)
			r->nflows++;
	}
	close(fd);
	return 0;
}

/*
 * Reads up to @max entries of a hash map, each as key and value side by side.
 * Programs only ever add to these maps, so no entry is met twice.
 */
static size_t hash_read(int fd, void *entries, size_t max, size_t key_size, size_t entry_size)
{
	char *entry = entries, *before = NULL;
	size_t n = 0;

	while (n < max && !bpf_map_get_next_key(fd, before, entry)) {
		before = entry;
		if (!bpf_map_lookup_elem(fd, entry, entry + key_size))
			n++;
		entry = (char *)entries + n * entry_size;
	}
	return n;
}

static int images_read(struct report *r)
{
	int fd = map_open(PIN_IMAGES, sizeof(__u64), sizeof(struct image));

	if (fd < 0)
		return -1;
	r->images = xcalloc(IMAGES, sizeof(*r->images));
	r->nimages = hash_read(fd, r->images, IMAGES, sizeof(__u64), sizeof(*r->images));
	close(fd);
	return 0;
}

static int names_read(struct report *r)
{
	int fd = map_open(PIN_SERVER_NAMES, sizeof(__u64), sizeof(struct host_key));

	if (fd < 0)
		return -1;
	r->names = xcalloc(SERVER_NAMES, sizeof(*r->names));
	r->nnames = hash_read(fd, r->names, SERVER_NAMES, offsetof(struct server_name, key),
			      sizeof(*r->names));
	close(fd);
	return 0;
}

static int by_end(const void *a, const void *b)
{
	const struct name_slot *x = a, *y = b;

	return x->until > y->until ? -1 : x->until < y->until;
}

static size_t domains_find(const struct report *r, const __u8 addr[16],
			   struct host_key keys[NAME_SLOTS])
{
	struct address_names names;
	size_t i, n = 0;

	if (bpf_map_lookup_elem(r->address_names, addr, &names))
		return 0;
	qsort(names.slots, NAME_SLOTS, sizeof(*names.slots), by_end);
	for (i = 0; i < NAME_SLOTS; i++)
		if (names.slots[i].hash && names.slots[i].scopes &&
		    !bpf_map_lookup_elem(r->name_texts, &names.slots[i].hash, &keys[n]))
			n++;
	return n;
}

int report_open_domains(struct report *r)
{
	r->address_names = map_open(PIN_ADDRESS_NAMES, 16, sizeof(struct address_names));
	r->name_texts = map_open(PIN_NAME_TEXTS, sizeof(__u64), sizeof(struct host_key));
	if (r->address_names < 0 || r->name_texts < 0)
		return -1;
	r->find_domains = domains_find;
	return 0;
}

static int questions_read(struct report *r)
{
	int fd = map_open(PIN_DNS_FLOWS, sizeof(struct dns_key), sizeof(struct dns_flow));

	if (fd < 0)
		return -1;
	r->questions = xcalloc(DNS_FLOWS, sizeof(*r->questions));
	r->nquestions = hash_read(fd, r->questions, DNS_FLOWS, sizeof(struct dns_key),
				  sizeof(*r->questions));
	close(fd);
	return 0;
}

static int folded_read(struct report *r)
{
	int fd = map_open(PIN_FOLDED, sizeof(struct fold_key), sizeof(__u64));

	if (fd < 0)
		return -1;
	r->folded = xcalloc(FOLDED, sizeof(*r->folded));
	r->nfolded = hash_read(fd, r->folded, FOLDED, sizeof(struct fold_key), sizeof(*r->folded));
	close(fd);
	return 0;
}

/* ---- Policies ---- */

/* Of the policy in slot @slot of the map "policies". */
static enum scope_mode slot_mode(int policies, __u32 slot, __s64 *github_time)
{
	LIBBPF_OPTS(bpf_get_fd_by_id_opts, opts, .open_flags = BPF_F_RDONLY);
	enum scope_mode mode = SCOPE_UNKNOWN;
	struct policy *policy;
	__u32 id, zero = 0;
	int fd;

	if (bpf_map_lookup_elem(policies, &slot, &id))
		return SCOPE_UNKNOWN;
	fd = bpf_map_get_fd_by_id_opts(id, &opts);
	if (fd < 0)
		return SCOPE_UNKNOWN;
	policy = xmalloc(sizeof(*policy));
	if (!bpf_map_lookup_elem(fd, &zero, policy)) {
		mode = policy->flags & POLICY_TRACE ? SCOPE_TRACE : SCOPE_MONITOR;
		*github_time = policy->github_time;
	}
	free(policy);
	close(fd);
	return mode;
}

static int modes_read(struct report *r)
{
	int policies, fd = map_open(PIN_SCOPES, sizeof(__u32), sizeof(struct scope));
	struct scope scope;
	__u32 i;

	if (fd < 0)
		return -1;
	policies = map_open(PIN_POLICIES, sizeof(__u32), sizeof(__u32));
	if (policies < 0) {
		close(fd);
		return -1;
	}
	for (i = 0; i < SCOPES; i++)
		if (!bpf_map_lookup_elem(fd, &i, &scope) && scope.slot)
			r->modes[i] = slot_mode(policies, scope.slot, &r->github_times[i]);
	close(policies);
	close(fd);
	return 0;
}

static int sources_read(struct report *r)
{
	int fd = map_open(PIN_SOURCES, sizeof(__u32), SOURCE_LEN);
	__u32 i;

	if (fd < 0)
		return -1;
	for (i = 0; i < SOURCES; i++) {
		char *name = r->source_names[i];

		r->sources[i] = name;
		if (bpf_map_lookup_elem(fd, &i, name))
			break;
		name[SOURCE_LEN - 1] = '\0';
		if (name[0])
			r->nsources = i + 1;
	}
	close(fd);
	return 0;
}

/* ---- Programs ---- */

static __u64 recursion_misses(const char *pin)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = pin_open_readonly(pin);

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		info.recursion_misses = 0;
	close(fd);
	return info.recursion_misses;
}

static void skipped_read(struct report *r)
{
	const size_t prefix = strlen(PIN_PROG_PREFIX);
	DIR *dir = opendir(PIN_DIR);
	struct dirent *d;
	__u64 misses;

	while (dir && (d = readdir(dir))) {
		struct skipped *s;

		if (strncmp(d->d_name, PIN_PROG_PREFIX, prefix))
			continue;
		misses = recursion_misses(d->d_name);
		if (!misses)
			continue;
		r->skipped = xreallocarray(r->skipped, r->nskipped + 1, sizeof(*r->skipped));
		s = &r->skipped[r->nskipped++];
		snprintf(s->prog, sizeof(s->prog), "%.63s", d->d_name + prefix);
		s->count = misses;
	}
	if (dir)
		closedir(dir);
}

/* ---- All of it ---- */

static __s64 nanoseconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int policies_read(struct report *r, const struct control *control)
{
	memcpy(r->counters, control->counters, sizeof(r->counters));
	memset(r->modes, 0, sizeof(r->modes));
	memset(r->github_times, 0, sizeof(r->github_times));
	r->nsources = 0;
	r->epoch = control->epoch;
	r->clock = nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_MONOTONIC);
	return modes_read(r) || sources_read(r) ? -1 : 0;
}

int report_read_policies(struct report *r)
{
	struct control control;

	return control_read(&control) || policies_read(r, &control) ? -1 : 0;
}

int report_read(struct report *r)
{
	struct control control;

	memset(r, 0, sizeof(*r));
	if (control_read(&control) || policies_read(r, &control))
		return -1;
	if (flows_read(r, control.last_flow) || images_read(r) || names_read(r) || folded_read(r) ||
	    questions_read(r) || report_open_domains(r))
		return -1;
	skipped_read(r);
	report_sort(r);
	return 0;
}

void report_free(struct report *r)
{
	free(r->flows);
	free(r->images);
	free(r->names);
	free(r->folded);
	free(r->questions);
	free(r->skipped);
	if (r->find_domains) {
		close(r->address_names);
		close(r->name_texts);
	}
}

// SPDX-License-Identifier: Apache-2.0
/*
 * The verdict function in the kernel against the same function on the host and
 * against the policy read literally: all three must agree on every question.
 * Needs the right to load a tc program, no hook.
 */
#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../unit/random_policy.h"
#include "judge_run.h"
#include "judge_run.skel.h"

#define POLICIES	100
#define QUESTIONS	100
#define SLOT		1

static struct judge_run *skel;

/* A table like @like, types and all: 6.1 puts no other into the array. */
static int map_of(const struct bpf_map *like, size_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = bpf_map__map_flags(like),
		    .btf_fd = bpf_object__btf_fd(skel->obj),
		    .btf_key_type_id = bpf_map__btf_key_type_id(like),
		    .btf_value_type_id = bpf_map__btf_value_type_id(like));

	return bpf_map_create(bpf_map__type(like), "table", bpf_map__key_size(like),
			      bpf_map__value_size(like), entries ?: 1, &opts);
}

static int put(const struct bpf_map *outer, int inner)
{
	__u32 slot = SLOT;
	int err = inner < 0 ? -1 : bpf_map_update_elem(bpf_map__fd(outer), &slot, &inner, BPF_ANY);

	if (inner >= 0)
		close(inner);
	return err;
}

static int tables_load(const struct tables *t)
{
	struct scope scope = { .slot = SLOT };
	__u32 zero = 0;
	size_t i;
	int fd, err;

	fd = map_of(skel->maps.policy_template, 1);
	err = bpf_map_update_elem(fd, &zero, &t->policy, BPF_ANY) | put(skel->maps.policies, fd);
	fd = map_of(skel->maps.address_template, t->naddresses);
	for (i = 0; i < t->naddresses; i++)
		err |= bpf_map_update_elem(fd, &t->addresses[i].key, &t->addresses[i].dest, BPF_ANY);
	err |= put(skel->maps.addresses, fd);
	fd = map_of(skel->maps.process_template, t->nprocesses);
	for (i = 0; i < t->nprocesses; i++)
		err |= bpf_map_update_elem(fd, &t->processes[i].hash, &t->processes[i].atoms, BPF_ANY);
	err |= put(skel->maps.processes, fd);
	fd = map_of(skel->maps.host_template, t->nhosts);
	for (i = 0; i < t->nhosts; i++)
		err |= bpf_map_update_elem(fd, &t->hosts[i].key, &t->hosts[i].dest, BPF_ANY);
	err |= put(skel->maps.hosts, fd);
	return err | bpf_map_update_elem(bpf_map__fd(skel->maps.scopes), &zero, &scope, BPF_ANY);
}

/* The kernel's answer: 1 pass, 0 block, -1 none. */
static int kernel_says(const struct identity *id, const struct target *to,
		       struct rule_ref *rule)
{
	static __u8 packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	struct run run = { .id = *id, .to = *to, .known = 1 };
	__u32 zero = 0;
	int fd = bpf_map__fd(skel->maps.runs);

	if (bpf_map_update_elem(fd, &zero, &run, BPF_ANY) ||
	    bpf_prog_test_run_opts(bpf_program__fd(skel->progs.judge_run), &opts) || opts.retval ||
	    bpf_map_lookup_elem(fd, &zero, &run))
		return -1;
	*rule = run.rule;
	return !(run.verdict & VERDICT_BLOCK);
}

static bool policy_agrees(const char *text, size_t len)
{
	struct policy_src src;
	struct tables t;
	bool same;
	int i;

	policy_init(&src);
	same = !policy_read_buffer(&src, "random", text, len, stdout) &&
	       !compile(&src, seed, &t, stdout);
	if (same && tables_load(&t)) {
		printf("# the tables cannot be loaded: %s\n", strerror(errno));
		same = false;
	}
	for (i = 0; i < QUESTIONS && same; i++) {
		struct rule_ref host = { 0 }, kernel = { 0 };
		struct identity id;
		struct person p;
		struct target to;
		int want, on_host, in_kernel;

		random_person(&p);
		random_target(&to);
		identify(&id, &p);
		want = reading(&src, &p, &to);
		on_host = tables_verdict(&t, &id, &to, NULL, &host);
		in_kernel = kernel_says(&id, &to, &kernel);
		same = want == on_host && want == in_kernel && !memcmp(&host, &kernel, sizeof(host));
		if (!same)
			printf("# as read %d; host %d by rule %d; kernel %d by rule %d; policy\n%s",
			       want, on_host, host.kind, in_kernel, kernel.kind, text);
	}
	tables_free(&t);
	policy_free(&src);
	return same;
}

static bool skeleton_load(void)
{
	skel = judge_run__open();
	if (!skel)
		return false;
	bpf_map__set_autocreate(skel->maps.policy_template, false);
	bpf_map__set_autocreate(skel->maps.address_template, false);
	bpf_map__set_autocreate(skel->maps.process_template, false);
	bpf_map__set_autocreate(skel->maps.host_template, false);
	return !judge_run__load(skel);
}

int main(void)
{
	bool loaded = skeleton_load();
	int i, agreed = 0;

	for (i = 0; loaded && i < POLICIES; i++) {
		size_t len;
		char *text;
		FILE *f = open_memstream(&text, &len);

		write_policy(f);
		fclose(f);
		agreed += policy_agrees(text, len);
		free(text);
	}
	printf("%sok 1 - the kernel, the host and the policy as read agree on %d questions\n1..1\n",
	       agreed == POLICIES ? "" : "not ", POLICIES * QUESTIONS);
	judge_run__destroy(skel);
	return agreed != POLICIES;
}

// SPDX-License-Identifier: Apache-2.0
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "hosts.h"
#include "install.h"
#include "log.h"
#include "names.h"
#include "pins.h"
#include "resolve.h"
#include "util.h"

/* ---- /etc/hosts ---- */

/* What holds longer is from there; the last bits tell the load that it came by. */
#define FOREVER		(~0ull - 0xffff)

struct hosts_file {
	const struct engine *e;
	const struct tables *t;
	int addresses, texts;	/* maps */
	__u64 scope;		/* its bit */
	__u64 until;
	int count;
};

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Of an earlier load, and if it was of another scope with that number all else too. */
static void forget(const struct hosts_file *f, bool all)
{
	__u8 key[16], next[16];
	struct address_names n;
	void *at = NULL;
	int i;

	while (!bpf_map_get_next_key(f->addresses, at, next)) {
		bool changed = false;

		memcpy(key, next, sizeof(key));
		at = key;
		if (bpf_map_lookup_elem(f->addresses, key, &n))
			continue;
		for (i = 0; i < NAME_SLOTS; i++) {
			struct name_slot *s = &n.slots[i];

			if (!(s->scopes & f->scope) || s->until == f->until ||
			    (!all && s->until < FOREVER))
				continue;
			s->scopes &= ~f->scope;
			changed = true;
		}
		if (changed)
			bpf_map_update_elem(f->addresses, key, &n, BPF_ANY);
	}
}

static struct name_slot *slot_for(struct address_names *n, __u64 hash)
{
	struct name_slot *best = &n->slots[0];
	__u64 now = now_ns();
	int i;

	for (i = 0; i < NAME_SLOTS; i++) {
		if (n->slots[i].hash == hash)
			return &n->slots[i];
		if (n->slots[i].until < now || n->slots[i].until < best->until)
			best = &n->slots[i];
	}
	*best = (struct name_slot){ .hash = hash };
	return best;
}

static void host_add(struct hosts_file *f, const __u8 addr[16], const struct host_key *key)
{
	const struct destination *d = tables_host(f->t, key);
	__u64 hash = host_key_hash(f->e->control->seed, key);
	struct address_names n = { 0 };
	struct name_slot *s;

	if (!d || !d->count)
		return;
	if (bpf_map_lookup_elem(f->addresses, addr, &n))
		memset(&n, 0, sizeof(n));
	s = slot_for(&n, hash);
	s->scopes |= f->scope;
	s->until = f->until;
	n.version = __atomic_add_fetch(&f->e->control->last_version, 1, __ATOMIC_SEQ_CST);
	if (bpf_map_update_elem(f->texts, &hash, key, BPF_ANY) ||
	    bpf_map_update_elem(f->addresses, addr, &n, BPF_ANY))
		log_warn("/etc/hosts: a name could not be entered");
	else
		f->count++;
}

/* hosts(5): an address and its names; the rest of the line behind "#" is a comment. */
static void hosts_line(struct hosts_file *f, char *line)
{
	struct host_key key;
	char *word, *rest;
	__u8 addr[16];

	line[strcspn(line, "#\n")] = '\0';
	word = strtok_r(line, " \t", &rest);
	if (!word || parse_address(word, addr))
		return;
	while ((word = strtok_r(NULL, " \t", &rest)))
		if (host_key_make(&key, word))
			host_add(f, addr, &key);
}

void resolve_hosts_file(const struct engine *e, const struct tables *t, __u32 scope)
{
	struct hosts_file f = { .e = e, .t = t, .scope = 1ull << scope,
				.addresses = engine_fd(e, PIN_ADDRESS_NAMES),
				.texts = engine_fd(e, PIN_NAME_TEXTS) };
	FILE *in = fopen("/etc/hosts", "re");
	struct scope old = { 0 };
	char *line = NULL;
	size_t room = 0;

	scope_read(e, scope, &old);
	f.until = FOREVER + ((old.generation + 1) & 0xffff);
	while (in && t->nhosts && f.addresses >= 0 && f.texts >= 0 &&
	       getline(&line, &room, in) >= 0)
		hosts_line(&f, line);
	if (f.addresses >= 0)
		forget(&f, !old.slot);
	if (f.count)
		log_info("/etc/hosts: %d names that are allowed", f.count);
	free(line);
	if (in)
		fclose(in);
	if (f.addresses >= 0)
		close(f.addresses);
	if (f.texts >= 0)
		close(f.texts);
}

/* ---- Name servers ---- */

#define ASKERS		16
#define NAMES_MAX	256

/* Outlives the call: a thread may still wait for a server when it returns. */
struct asking {
	pthread_mutex_t lock;
	pthread_cond_t done;
	char *names[NAMES_MAX];
	unsigned int n, next, running;
};

static void ask(struct __res_state *state, const char *name)
{
	unsigned char answer[4096];

	res_nquery(state, name, ns_c_in, ns_t_a, answer, sizeof(answer));
	res_nquery(state, name, ns_c_in, ns_t_aaaa, answer, sizeof(answer));
}

static char *next_name(struct asking *a)
{
	char *name;

	pthread_mutex_lock(&a->lock);
	name = a->next < a->n ? a->names[a->next++] : NULL;
	pthread_mutex_unlock(&a->lock);
	return name;
}

static void *asker(void *data)
{
	struct __res_state state = { 0 };
	struct asking *a = data;
	char *name;

	if (!res_ninit(&state)) {
		state.retrans = 1;
		state.retry = 1;
		while ((name = next_name(a)))
			ask(&state, name);
		res_nclose(&state);
	}
	pthread_mutex_lock(&a->lock);
	a->running--;
	pthread_cond_signal(&a->done);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static void names_add(struct asking *a, const struct host_list *l)
{
	size_t i;

	for (i = 0; i < l->n && a->n < NAMES_MAX; i++)
		if (!l->v[i].below_only)
			a->names[a->n++] = xstrdup(l->v[i].name);
}

static void askers_start(struct asking *a)
{
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < ASKERS && i < a->n; i++)
		if (!pthread_create(&thread, NULL, asker, a)) {
			a->running++;
			pthread_detach(thread);
		}
}

void resolve_allowed(const struct policy_src *p)
{
	struct asking *a = xcalloc(1, sizeof(*a));
	struct timespec end;
	size_t i;

	names_add(a, &p->allowed_hosts);
	for (i = 0; i < p->profiles.n; i++)
		names_add(a, &p->profiles.v[i].hosts);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->done, NULL);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += RESOLVE_SECONDS;
	pthread_mutex_lock(&a->lock);
	askers_start(a);
	while (a->running && !pthread_cond_timedwait(&a->done, &a->lock, &end))
		;
	if (a->running)
		log_info("not all allowed hosts were resolved in %d s", RESOLVE_SECONDS);
	pthread_mutex_unlock(&a->lock);
}

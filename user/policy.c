// SPDX-License-Identifier: Apache-2.0
/* The lists of a policy, and where they come from: files and flags. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy_internal.h"
#include "rego/rego.h"
#include "util.h"

/* What is to be known of an element to unite and release lists of it. */
struct element {
	size_t size;
	int (*compare)(const void *a, const void *b);
	void (*absorb)(void *first, void *again);	/* before a repetition is released */
	void (*release)(void *elem);
};

/* Every list is a struct { T *v; size_t n; }: read and written through this. */
struct list {
	char *v;
	size_t n;
};

static struct list list_load(const void *list)
{
	struct list l;

	memcpy(&l, list, sizeof(l));
	return l;
}

/* Room is for the next power of two of n. */
void *list_add(void *list, size_t size)
{
	struct list l = list_load(list);
	void *elem;

	if (!(l.n & (l.n - 1)))
		l.v = xreallocarray(l.v, l.n ? 2 * l.n : 1, size);
	elem = memset(l.v + l.n++ * size, 0, size);
	memcpy(list, &l, sizeof(l));
	return elem;
}

static void list_release(void *list, const struct element *e)
{
	struct list l = list_load(list);
	size_t i;

	for (i = 0; i < l.n; i++)
		e->release(l.v + i * e->size);
	free(l.v);
	memset(list, 0, sizeof(l));
}

struct sorting {
	const struct element *e;
	const char *v;
};

static int compare_at(const void *a, const void *b, void *ctx)
{
	const size_t *i = a, *j = b;
	const struct sorting *s = ctx;
	int c = s->e->compare(s->v + *i * s->e->size, s->v + *j * s->e->size);

	return c ? c : (*i > *j) - (*i < *j);
}

/* Sorting finds the repetitions without an input that could make it slow. */
static void list_unite(void *list, const struct element *e)
{
	struct list l = list_load(list);
	struct sorting s = { e, l.v };
	size_t *order, i, first = 0, kept = 0;
	bool *again;

	if (l.n < 2)
		return;
	order = xreallocarray(NULL, l.n, sizeof(*order));
	again = xcalloc(l.n, sizeof(*again));
	for (i = 0; i < l.n; i++)
		order[i] = i;
	qsort_r(order, l.n, sizeof(*order), compare_at, &s);
	for (i = 1; i < l.n; i++) {
		char *a = l.v + order[first] * e->size, *b = l.v + order[i] * e->size;

		if (e->compare(a, b)) {
			first = i;
			continue;
		}
		if (e->absorb)
			e->absorb(a, b);
		e->release(b);
		again[order[i]] = true;
	}
	for (i = 0; i < l.n; i++)
		if (!again[i])
			memmove(l.v + kept++ * e->size, l.v + i * e->size, e->size);
	l.n = kept;
	memcpy(list, &l, sizeof(l));
	free(order);
	free(again);
}

/* Moves the elements of one list to the end of another. */
static void list_move(void *to, void *from, size_t size)
{
	struct list l = list_load(from);
	size_t i;

	for (i = 0; i < l.n; i++)
		memcpy(list_add(to, size), l.v + i * size, size);
	free(l.v);
	memset(from, 0, sizeof(l));
}

static int compare_number(long a, long b)
{
	return (a > b) - (a < b);
}

/* NULL is the text of an entry that was refused. */
static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_ports(const struct port_range *a, const struct port_range *b)
{
	int c = compare_number(a->lo, b->lo);

	return c ? c : compare_number(a->hi, b->hi);
}

static int compare_hosts(const void *a, const void *b)
{
	const struct host_rule *x = a, *y = b;
	int c = compare_text(x->name, y->name);

	if (!c)
		c = compare_number(x->below_only, y->below_only);
	return c ? c : compare_ports(&x->ports, &y->ports);
}

static void release_host(void *elem)
{
	free(((struct host_rule *)elem)->name);
}

static const struct element host_element = {
	sizeof(struct host_rule), compare_hosts, NULL, release_host
};

static int compare_addrs(const void *a, const void *b)
{
	const struct addr_rule *x = a, *y = b;
	int c = memcmp(x->addr, y->addr, sizeof(x->addr));

	if (!c)
		c = compare_number(x->prefixlen, y->prefixlen);
	return c ? c : compare_ports(&x->ports, &y->ports);
}

static void release_addr(void *elem)
{
	(void)elem;
}

static const struct element addr_element = {
	sizeof(struct addr_rule), compare_addrs, NULL, release_addr
};

static int compare_processes(const void *a, const void *b)
{
	return compare_text(((const struct process_rule *)a)->process,
			    ((const struct process_rule *)b)->process);
}

static void absorb_process(void *first, void *again)
{
	((struct process_rule *)first)->children |= ((struct process_rule *)again)->children;
}

static void release_process(void *elem)
{
	free(((struct process_rule *)elem)->process);
}

static const struct element process_element = {
	sizeof(struct process_rule), compare_processes, absorb_process, release_process
};

static int compare_paths(const void *a, const void *b)
{
	return compare_text(((const struct path_rule *)a)->path,
			    ((const struct path_rule *)b)->path);
}

static void release_path(void *elem)
{
	free(((struct path_rule *)elem)->path);
}

static const struct element path_element = {
	sizeof(struct path_rule), compare_paths, NULL, release_path
};

static int compare_profiles(const void *a, const void *b)
{
	return compare_processes(&((const struct profile_rule *)a)->process,
				 &((const struct profile_rule *)b)->process);
}

static void absorb_profile(void *first, void *again)
{
	struct profile_rule *x = first, *y = again;

	absorb_process(&x->process, &y->process);
	list_move(&x->hosts, &y->hosts, sizeof(struct host_rule));
	list_move(&x->cidrs, &y->cidrs, sizeof(struct addr_rule));
}

static void release_profile(void *elem)
{
	struct profile_rule *profile = elem;

	release_process(&profile->process);
	list_release(&profile->hosts, &host_element);
	list_release(&profile->cidrs, &addr_element);
}

static const struct element profile_element = {
	sizeof(struct profile_rule), compare_profiles, absorb_profile, release_profile
};

static int compare_chains(const void *a, const void *b)
{
	const struct chain_rule *x = a, *y = b;
	int c = compare_text(x->process, y->process);
	size_t i;

	if (!c)
		c = compare_number(x->action, y->action);
	if (!c)
		c = compare_number(x->ancestors.n, y->ancestors.n);
	for (i = 0; !c && i < x->ancestors.n; i++)
		c = compare_paths(&x->ancestors.v[i], &y->ancestors.v[i]);
	return c;
}

static void release_chain(void *elem)
{
	struct chain_rule *chain = elem;

	free(chain->process);
	list_release(&chain->ancestors, &path_element);
}

static const struct element chain_element = {
	sizeof(struct chain_rule), compare_chains, NULL, release_chain
};

static int compare_exempts(const void *a, const void *b)
{
	const struct exempt_rule *x = a, *y = b;
	int c = compare_number(x->kind, y->kind);

	if (!c)
		c = compare_number(x->pid, y->pid);
	return c ? c : compare_text(x->name, y->name);
}

static void release_exempt(void *elem)
{
	free(((struct exempt_rule *)elem)->name);
}

static const struct element exempt_element = {
	sizeof(struct exempt_rule), compare_exempts, NULL, release_exempt
};

static int compare_webhooks(const void *a, const void *b)
{
	const struct webhook_rule *x = a, *y = b;
	int c = compare_text(x->url, y->url);
	size_t i;

	if (!c)
		c = compare_number(x->filter, y->filter);
	if (!c)
		c = compare_number(x->timeout_ms, y->timeout_ms);
	if (!c)
		c = compare_number(x->nheaders, y->nheaders);
	for (i = 0; !c && i < x->nheaders; i++) {
		c = compare_text(x->headers[i].name, y->headers[i].name);
		if (!c)
			c = compare_text(x->headers[i].value, y->headers[i].value);
	}
	return c;
}

static void release_webhook(void *elem)
{
	struct webhook_rule *hook = elem;
	size_t i;

	for (i = 0; i < hook->nheaders; i++) {
		free(hook->headers[i].name);
		free(hook->headers[i].value);
	}
	free(hook->headers);
	free(hook->url);
}

static const struct element webhook_element = {
	sizeof(struct webhook_rule), compare_webhooks, NULL, release_webhook
};

static const struct {
	size_t offset;
	const struct element *element;
} lists[] = {
	{ offsetof(struct policy_src, exempt), &exempt_element },
	{ offsetof(struct policy_src, allowed_hosts), &host_element },
	{ offsetof(struct policy_src, allowed_ips), &addr_element },
	{ offsetof(struct policy_src, allowed_processes), &process_element },
	{ offsetof(struct policy_src, profiles), &profile_element },
	{ offsetof(struct policy_src, raw_sockets_exempt), &path_element },
	{ offsetof(struct policy_src, blocked_sockets), &path_element },
	{ offsetof(struct policy_src, chains), &chain_element },
	{ offsetof(struct policy_src, blocked_executables), &path_element },
	{ offsetof(struct policy_src, dns_servers), &addr_element },
	{ offsetof(struct policy_src, monitored_paths), &path_element },
	{ offsetof(struct policy_src, protected_paths), &path_element },
	{ offsetof(struct policy_src, blocked_paths), &path_element },
	{ offsetof(struct policy_src, monitored_env_vars), &path_element },
	{ offsetof(struct policy_src, webhooks), &webhook_element },
};

#define NLISTS (sizeof(lists) / sizeof(lists[0]))

void policy_unite(struct policy_src *p)
{
	size_t i;

	for (i = 0; i < NLISTS; i++)
		list_unite((char *)p + lists[i].offset, lists[i].element);
	for (i = 0; i < p->profiles.n; i++) {
		list_unite(&p->profiles.v[i].hosts, &host_element);
		list_unite(&p->profiles.v[i].cidrs, &addr_element);
	}
}

void policy_init(struct policy_src *p)
{
	*p = (struct policy_src){
		.allow_local_ranges = UNSET,
		.allow_github_meta = UNSET,
		.allow_metadata = UNSET,
		.process_enabled = UNSET,
		.block_ptrace = UNSET,
		.block_unlisted_queries = UNSET,
		.file_enabled = UNSET,
		.enforce_sni = UNSET,
		.block_quic = UNSET,
		.allow_http = UNSET,
		.self_protect = UNSET,
	};
}

void policy_free(struct policy_src *p)
{
	size_t i;

	for (i = 0; i < NLISTS; i++)
		list_release((char *)p + lists[i].offset, lists[i].element);
	for (i = 0; i < p->nfiles; i++)
		free(p->files[i]);
	rego_free(p->rego);
	policy_init(p);
}

static void complain(FILE *err, const char *name, const char *why)
{
	escape(err, name, strlen(name), ESCAPE_ALL);
	fprintf(err, ": %s\n", why);
}

int policy_add_source(struct policy_src *p, const char *name, FILE *err)
{
	if (p->nfiles == POLICY_MAX_FILES) {
		complain(err, name, wrong("more than %d sources of policy", POLICY_MAX_FILES));
		return -1;
	}
	p->files[p->nfiles] = xstrdup(name);
	return p->nfiles++;
}

/* Reads all of @fd, of which the size may not be known; NULL and @why on failure. */
static char *read_all(int fd, size_t *len, const char **why)
{
	const char *too_large = wrong("larger than %u MiB", POLICY_FILE_MAX >> 20);
	size_t room = 1 << 16;
	struct stat st;
	char *buf;
	ssize_t n;

	*len = 0;
	*why = too_large;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		if (st.st_size > POLICY_FILE_MAX)
			return NULL;
		room = st.st_size + 1;
	}
	buf = xmalloc(room);
	while ((n = read(fd, buf + *len, room - *len)) > 0) {
		*len += n;
		if (*len > POLICY_FILE_MAX)
			goto fail;
		if (*len == room)
			buf = xreallocarray(buf, room *= 2, 1);
	}
	if (!n)
		return buf;
	*why = strerror(errno);
fail:
	free(buf);
	return NULL;
}

char *policy_file(const char *path, size_t *len, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *buf;

	if (fd < 0) {
		*why = strerror(errno);
		return NULL;
	}
	buf = read_all(fd, len, why);
	close(fd);
	return buf;
}

int policy_read_file(struct policy_src *p, const char *path, FILE *err)
{
	const char *why;
	size_t len;
	char *buf = policy_file(path, &len, &why);
	int errors;

	if (!buf) {
		complain(err, path, why);
		return 1;
	}
	errors = policy_read_buffer(p, path, buf, len, err);
	free(buf);
	return errors;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && !strcmp(name + len - n, suffix);
}

static int is_policy_file(const struct dirent *d)
{
	return d->d_name[0] != '.' && (has_suffix(d->d_name, ".yaml") ||
				       has_suffix(d->d_name, ".yml") ||
				       has_suffix(d->d_name, ".json") ||
				       (has_suffix(d->d_name, ".rego") &&
					!has_suffix(d->d_name, "_test.rego")));
}

/* By the bytes of the names: the order must not depend on the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* A file of rules in Rego, or a document for them. */
static int read_rego(struct policy_src *p, const char *path, FILE *err)
{
	const char *why;
	size_t len;
	char *text = policy_file(path, &len, &why);
	int errors;

	if (!text) {
		complain(err, path, why);
		return 1;
	}
	if (!p->rego)
		p->rego = rego_new();
	if (policy_add_source(p, path, err) < 0)
		errors = 1;
	else if (has_suffix(path, ".json"))
		errors = rego_add_json(p->rego, path, text, len, err);
	else
		errors = rego_add(p->rego, path, text, len, err);
	free(text);
	return errors;
}

static int read_entry(struct policy_src *p, const char *dir, const char *name, FILE *err)
{
	size_t len = strlen(dir) + strlen(name) + 2;
	char *path = xmalloc(len);
	int errors;

	snprintf(path, len, "%s/%s", dir, name);
	if (has_suffix(name, ".rego") || has_suffix(name, ".json"))
		errors = read_rego(p, path, err);
	else
		errors = policy_read_file(p, path, err);
	free(path);
	return errors;
}

int policy_read_dir(struct policy_src *p, const char *dir, FILE *err)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, is_policy_file, compare_names);
	int i, errors = 0;
	bool rego = false;

	if (n < 0) {
		complain(err, dir, strerror(errno));
		return 1;
	}
	if (!n) {
		complain(err, dir, "no *.yaml, *.yml or *.rego file in this directory");
		errors = 1;
	}
	for (i = 0; i < n; i++)
		rego |= has_suffix(entries[i]->d_name, ".rego");
	for (i = 0; i < n; i++) {
		if (rego || !has_suffix(entries[i]->d_name, ".json"))
			errors += read_entry(p, dir, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return errors;
}

static const char *add_host(struct policy_src *p, const char *text, struct origin at)
{
	struct host_rule *rule = list_add(&p->allowed_hosts, sizeof(*rule));

	rule->at = at;
	return parse_host_rule(text, rule);
}

static const char *add_ip(struct policy_src *p, const char *text, struct origin at)
{
	struct addr_rule *rule = list_add(&p->allowed_ips, sizeof(*rule));

	rule->at = at;
	return parse_addr_rule(text, rule);
}

/* Empty items are passed over: scripts join variables that may be unset. */
static int add_list(struct policy_src *p, const char *flag, const char *list, FILE *err,
		    const char *(*add)(struct policy_src *, const char *, struct origin))
{
	int file = policy_add_source(p, "command line", err), errors = 0;
	char *copy = xstrdup(list), *rest = copy, *item;
	struct origin at = { .file = file };

	while (file >= 0 && (item = strsep(&rest, ", \t\n"))) {
		const char *why;

		if (!*item)
			continue;
		why = check_text(item, strlen(item));
		if (!why)
			why = add(p, item, at);
		at.index++;
		if (!why)
			continue;
		fprintf(err, "%s: \"", flag);
		escape(err, item, strlen(item), SHOWN_CHARS);
		fputs("\": ", err);
		escape(err, why, strlen(why), ESCAPE_ALL);
		fputc('\n', err);
		errors++;
	}
	free(copy);
	if (file < 0)
		return 1;
	if (!errors)
		policy_unite(p);
	return errors;
}

int policy_add_hosts(struct policy_src *p, const char *list, FILE *err)
{
	return add_list(p, "--allowed-hosts", list, err, add_host);
}

int policy_add_ips(struct policy_src *p, const char *list, FILE *err)
{
	return add_list(p, "--allowed-ips", list, err, add_ip);
}

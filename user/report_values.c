// SPDX-License-Identifier: Apache-2.0
/* The values of a flow as text, and what belongs to it. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "hosts.h"
#include "report.h"
#include "target.h"
#include "util.h"

void address_text(char buf[ADDRESS_TEXT], const __u8 addr[16])
{
	if (addr_is_v4(addr))
		inet_ntop(AF_INET, addr + 12, buf, ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, addr, buf, ADDRESS_TEXT);
}

void prefix_text(char buf[ADDRESS_TEXT], const __u8 addr[16])
{
	size_t len;

	address_text(buf, addr);
	len = strlen(buf);
	snprintf(buf + len, ADDRESS_TEXT - len, addr_is_v4(addr) ? "/16" : "/32");
}

struct number_name {
	int number;
	const char *name;
};

static const struct number_name families[] = {
	{ AF_UNIX, "AF_UNIX" }, { AF_INET, "AF_INET" }, { AF_AX25, "AF_AX25" },
	{ AF_IPX, "AF_IPX" }, { AF_APPLETALK, "AF_APPLETALK" }, { AF_X25, "AF_X25" },
	{ AF_INET6, "AF_INET6" }, { AF_KEY, "AF_KEY" }, { AF_NETLINK, "AF_NETLINK" },
	{ AF_PACKET, "AF_PACKET" }, { AF_RDS, "AF_RDS" }, { AF_PPPOX, "AF_PPPOX" },
	{ AF_LLC, "AF_LLC" }, { AF_IB, "AF_IB" }, { AF_MPLS, "AF_MPLS" },
	{ AF_CAN, "AF_CAN" }, { AF_TIPC, "AF_TIPC" }, { AF_BLUETOOTH, "AF_BLUETOOTH" },
	{ AF_IUCV, "AF_IUCV" }, { AF_RXRPC, "AF_RXRPC" }, { AF_ISDN, "AF_ISDN" },
	{ AF_PHONET, "AF_PHONET" }, { AF_IEEE802154, "AF_IEEE802154" }, { AF_CAIF, "AF_CAIF" },
	{ AF_ALG, "AF_ALG" }, { AF_NFC, "AF_NFC" }, { AF_VSOCK, "AF_VSOCK" },
	{ AF_KCM, "AF_KCM" }, { AF_QIPCRTR, "AF_QIPCRTR" }, { AF_SMC, "AF_SMC" },
	{ AF_XDP, "AF_XDP" }, { 0, NULL },
};

static const struct number_name types[] = {
	{ SOCK_STREAM, "SOCK_STREAM" }, { SOCK_DGRAM, "SOCK_DGRAM" }, { SOCK_RAW, "SOCK_RAW" },
	{ SOCK_RDM, "SOCK_RDM" }, { SOCK_SEQPACKET, "SOCK_SEQPACKET" },
	{ SOCK_DCCP, "SOCK_DCCP" }, { SOCK_PACKET, "SOCK_PACKET" }, { 0, NULL },
};

static const struct number_name protocols[] = {
	{ IPPROTO_ICMP, "icmp" }, { IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" },
	{ IPPROTO_ICMPV6, "icmpv6" }, { IPPROTO_UDPLITE, "udplite" }, { 0, NULL },
};

static void number_text(char *buf, size_t n, const struct number_name *names, const char *unknown,
			int number)
{
	for (; names->name; names++) {
		if (names->number == number) {
			snprintf(buf, n, "%s", names->name);
			return;
		}
	}
	snprintf(buf, n, "%s%d", unknown, number);
}

/* By enum guard_action. */
static const char *const actions[GUARD_ACTIONS] = {
	[ACT_TRACE] = "trace process %llu",
	[ACT_READ_PROCESS] = "read process %llu",
	[ACT_SOCKET] = "AF_UNIX socket",
	[ACT_TOKEN] = "unlock kntrl",
	[ACT_BPF] = "change kntrl by bpf command %llu",
	[ACT_PINS] = "remove kntrl's pins",
	[ACT_MOUNT] = "unmount kntrl's pins",
	[ACT_KERNEL] = "change the kernel",
	[ACT_SYSCTL] = "change a protected sysctl",
	[ACT_NETWORK] = "send behind the hooks",
	[ACT_FILE] = "change kntrl's files",
	[ACT_SIGNAL] = "signal kntrl, by %llu",
};

static void guard_text(char buf[ADDRESS_TEXT], const struct flow_key *key)
{
	__u64 object;

	memcpy(&object, key->addr, sizeof(object));
	if (key->port < GUARD_ACTIONS && actions[key->port])
		snprintf(buf, ADDRESS_TEXT, actions[key->port], (unsigned long long)object);
	else
		snprintf(buf, ADDRESS_TEXT, "action %u", key->port);
}

void target_text(char buf[ADDRESS_TEXT], const struct flow_key *key)
{
	char family[24], type[24];
	bool raw;

	if (key->type == EVENT_GUARD) {
		guard_text(buf, key);
		return;
	}
	if (key->type != EVENT_SOCKET) {
		address_text(buf, key->addr);
		return;
	}
	raw = key->port == SOCK_RAW || key->proto == AF_PACKET;
	number_text(family, sizeof(family), families, "AF_", key->proto);
	number_text(type, sizeof(type), types, "SOCK_", key->port);
	snprintf(buf, ADDRESS_TEXT, "%ssocket %s/%s", raw ? "raw " : "", family, type);
}

const char *policy_text(const struct flow_key *key)
{
	if (key->verdict & VERDICT_BLOCK)
		return "block";
	return key->type == EVENT_FILE ? "flag" : "pass";
}

/* By enum file_access. */
static const char *const accesses[FILE_ACCESSES] = {
	[FILE_OPEN] = "open",
	[FILE_OPEN_WRITE] = "open to write",
	[FILE_RENAME] = "rename",
	[FILE_LINK] = "link",
};

const char *access_text(const struct flow_key *key)
{
	return key->port < FILE_ACCESSES && accesses[key->port] ? accesses[key->port] : "access";
}

__u32 access_flags(const struct flow_key *key)
{
	__u32 flags;

	memcpy(&flags, key->addr + sizeof(__u64), sizeof(flags));
	return flags;
}

void proto_text(char buf[16], const struct flow_key *key)
{
	if (key->type == EVENT_SOCKET)
		snprintf(buf, 16, "socket");
	else if (key->type == EVENT_GUARD)
		snprintf(buf, 16, "guard");
	else if (key->type == EVENT_EXEC)
		snprintf(buf, 16, "exec");
	else if (key->type == EVENT_FILE)
		snprintf(buf, 16, "file");
	else
		number_text(buf, 16, protocols, "raw:", key->proto);
}

void print_name(FILE *out, const struct report *r, __u64 hash)
{
	const struct image *image = report_image(r, hash);

	if (image)
		escape(out, image->name, strnlen(image->name, sizeof(image->name)), ESCAPE_ALL);
	else
		fputc('?', out);
}

static bool has_port(const struct flow_key *key)
{
	return key->type != EVENT_SOCKET && key->type != EVENT_GUARD && key->type != EVENT_FILE &&
	       proto_bit(key->proto) != PROTO_BIT_OTHER;
}

static void print_program(FILE *out, const struct image *image)
{
	if (!image)
		fputc('?', out);
	else if (image->path[0])
		escape(out, image->path, strnlen(image->path, sizeof(image->path)), ESCAPE_ALL);
	else
		escape(out, image->name, strnlen(image->name, sizeof(image->name)), ESCAPE_ALL);
}

void print_target(FILE *out, const struct report *r, const struct flow_key *key)
{
	char text[ADDRESS_TEXT];

	if (key->type == EVENT_FILE)
		fprintf(out, "%s ", access_text(key));
	if (key->type == EVENT_EXEC || key->type == EVENT_FILE) {
		print_program(out, report_program(r, key));
		return;
	}
	target_text(text, key);
	if (!has_port(key))
		fputs(text, out);
	else
		fprintf(out, addr_is_v4(key->addr) ? "%s:%u" : "[%s]:%u", text, key->port);
}

bool proto_number(const char *name, __u8 *proto)
{
	const struct number_name *p;
	unsigned int n = 0;

	for (p = protocols; p->name; p++) {
		if (!strcmp(p->name, name)) {
			*proto = p->number;
			return true;
		}
	}
	if (strncmp(name, "raw:", 4) || !name[4])
		return false;
	for (name += 4; *name; name++) {
		if (*name < '0' || *name > '9')
			return false;
		n = 10 * n + *name - '0';
		if (n > 255)
			return false;
	}
	*proto = n;
	return true;
}

/* ---- Order ---- */

static int compare(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

static int by_block_and_time(const void *a, const void *b)
{
	const struct flow *x = a, *y = b;
	int blocked = (y->key.verdict & VERDICT_BLOCK) - (x->key.verdict & VERDICT_BLOCK);

	return blocked ? blocked : compare(x->first, y->first);
}

static int by_hash(const void *a, const void *b)
{
	const struct named_image *x = a, *y = b;

	return compare(x->hash, y->hash);
}

static int by_name_hash(const void *a, const void *b)
{
	const struct server_name *x = a, *y = b;

	return compare(x->hash, y->hash);
}

/* The most frequent first. */
static int by_count(const void *a, const void *b)
{
	const struct folded_flow *x = a, *y = b;
	int d = compare(y->count, x->count);

	return d ? d : memcmp(&x->key, &y->key, sizeof(x->key));
}

static void sort(void *v, size_t n, size_t size, int (*order)(const void *, const void *))
{
	if (n)
		qsort(v, n, size, order);
}

void report_sort(struct report *r)
{
	sort(r->flows, r->nflows, sizeof(*r->flows), by_block_and_time);
	sort(r->images, r->nimages, sizeof(*r->images), by_hash);
	sort(r->names, r->nnames, sizeof(*r->names), by_name_hash);
	sort(r->folded, r->nfolded, sizeof(*r->folded), by_count);
}

void report_narrow(struct report *r, __u32 scope, __u64 since)
{
	size_t i, n = 0;

	for (i = 0; i < r->nflows; i++)
		if (r->flows[i].key.scope == scope && r->flows[i].first >= since)
			r->flows[n++] = r->flows[i];
	r->nflows = n;
	for (i = n = 0; i < r->nquestions; i++)
		if (r->questions[i].key.scope == scope && r->questions[i].flow.first >= since)
			r->questions[n++] = r->questions[i];
	r->nquestions = n;
	for (i = 0; i < SCOPES; i++)
		if (i != scope)
			r->modes[i] = SCOPE_UNUSED;
}

const struct image *report_image(const struct report *r, __u64 hash)
{
	const struct named_image *found = NULL;
	const struct named_image key = { .hash = hash };

	if (!hash)
		return NULL;
	if (r->find_image)
		return r->find_image(r->context, hash);
	if (r->nimages)
		found = bsearch(&key, r->images, r->nimages, sizeof(key), by_hash);
	return found ? &found->image : NULL;
}

const char *report_sni(const struct report *r, const struct flow_key *key, char name[HOST_KEY])
{
	struct server_name wanted = { .hash = key->name };
	const struct server_name *found = NULL;

	if (!key->name)
		return NULL;
	if (r->find_name)
		found = r->find_name(r->context, key->name, &wanted.key) ? &wanted : NULL;
	else if (r->nnames)
		found = bsearch(&wanted, r->names, r->nnames, sizeof(wanted), by_name_hash);
	if (!found)
		return NULL;
	host_key_name(&found->key, name);
	return name;
}

size_t report_domains(const struct report *r, const struct flow_key *key,
		      struct host_key keys[NAME_SLOTS])
{
	if (!r->find_domains || (key->type != EVENT_NETWORK && key->type != EVENT_PACKET))
		return 0;
	return r->find_domains(r, key->addr, keys);
}

const struct image *report_program(const struct report *r, const struct flow_key *key)
{
	__u64 hash;

	memcpy(&hash, key->addr, sizeof(hash));
	return report_image(r, hash);
}

size_t flow_ancestors(const struct flow *f, __u64 images[IDENT_LINE])
{
	size_t i, n = f->nline < IDENT_LINE ? f->nline : IDENT_LINE;

	for (i = 0; i < n; i++)
		images[i] = f->line[(f->nline - 1 - i) % IDENT_LINE];
	return n;
}

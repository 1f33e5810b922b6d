// SPDX-License-Identifier: Apache-2.0
/* Single values of a policy: addresses, ports, host names, paths, URLs. */
#include <arpa/inet.h>
#include <ctype.h>
#include <idn2.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "policy_internal.h"
#include "util.h"

#define HOST_MAX	253	/* characters of a name, RFC 1035 2.3.4 less the root */
#define LABEL_MAX	63
#define PID_LIMIT	4194304	/* PID_MAX_LIMIT of 64-bit kernels */
#define TIMEOUT_MAX	600000	/* ms */

#define LOWER		"abcdefghijklmnopqrstuvwxyz"
#define UPPER		"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS		"0123456789"

const char *wrong(const char *fmt, ...)
{
	static _Thread_local char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return text;
}

const char *check_text(const char *text, size_t len)
{
	uint32_t c;
	size_t n;

	if (len > VALUE_MAX)
		return wrong("is longer than %d bytes", VALUE_MAX);
	for (; len; text += n, len -= n) {
		n = utf8_decode(text, len, &c);
		if (!n)
			return "is not valid UTF-8";
		if (is_unsafe_char(c))
			return wrong("has a control character (U+%04X)", c);
	}
	return NULL;
}

/* Ends @s at its first @c; returns what follows it, or NULL. */
static char *cut(char *s, char c)
{
	char *rest = strchr(s, c);

	if (rest)
		*rest++ = '\0';
	return rest;
}

/* A decimal number without sign or leading zeros, or -1. */
static long parse_number(const char *s, long max)
{
	size_t len = strspn(s, DIGITS);
	long n;

	if (!len || len > 9 || s[len] || (s[0] == '0' && len > 1))
		return -1;
	n = atol(s);
	return n <= max ? n : -1;
}

/* @text is NULL when no port was given. */
static const char *parse_ports(char *text, struct port_range *out)
{
	long lo, hi;
	char *end;

	*out = (struct port_range){ 0, UINT16_MAX };
	if (!text)
		return NULL;
	end = cut(text, '-');
	lo = parse_number(text, UINT16_MAX);
	hi = end ? parse_number(end, UINT16_MAX) : lo;
	if (lo < 1 || hi < 1)
		return "port must be 1..65535, or a range such as 8000-8010";
	if (hi < lo)
		return wrong("port range is inverted; write %ld-%ld", hi, lo);
	*out = (struct port_range){ lo, hi };
	return NULL;
}

const char *parse_address(const char *text, uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (strchr(text, '%'))
		return "zone ids are not supported; write the address alone";
	if (strchr(text, ':'))
		return inet_pton(AF_INET6, text, addr) == 1 ? NULL : "is not an IPv6 address";
	memcpy(addr, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, addr + sizeof(mapped)) == 1)
		return NULL;
	return "is not an IPv4 address; write four numbers 0..255 without leading zeros";
}

/* Zeroes the host bits; returns whether any was set. */
static bool clear_host_bits(uint8_t addr[16], unsigned int prefixlen)
{
	bool found = false;
	unsigned int bit;

	for (bit = prefixlen; bit < 128; bit++) {
		uint8_t mask = 0x80 >> bit % 8;

		found |= addr[bit / 8] & mask;
		addr[bit / 8] &= ~mask;
	}
	return found;
}

/* @prefix is NULL when the address stood alone. */
static const char *parse_network(const char *text, const char *prefix, struct addr_rule *out)
{
	bool v4 = !strchr(text, ':');
	const char *why = parse_address(text, out->addr);
	char shown[INET6_ADDRSTRLEN];
	long len, max = v4 ? 32 : 128;

	if (why)
		return why;
	len = prefix ? parse_number(prefix, max) : max;
	if (len < 0)
		return wrong("prefix length must be 0..%ld", max);
	out->prefixlen = 128 - max + len;
	if (!clear_host_bits(out->addr, out->prefixlen))
		return NULL;
	inet_ntop(v4 ? AF_INET : AF_INET6, out->addr + (v4 ? 12 : 0), shown, sizeof(shown));
	return wrong("has bits set beyond its prefix; write %s/%ld", shown, len);
}

/* "[ADDR]" or "[ADDR/LEN]" or "[ADDR]/LEN", and a port; @text is after the "[". */
static const char *parse_bracketed(char *text, struct addr_rule *out)
{
	char *rest = cut(text, ']'), *prefix = cut(text, '/'), *ports;
	const char *why;

	if (!rest)
		return "lacks the closing \"]\"";
	if (!strchr(text, ':'))
		return "only an IPv6 address takes brackets";
	ports = cut(rest, ':');
	if (*rest == '/' && !prefix)
		prefix = rest + 1;
	else if (*rest)
		return "only a prefix length and a port may follow the brackets";
	why = parse_network(text, prefix, out);
	return why ? why : parse_ports(ports, &out->ports);
}

static const char *parse_addr(const char *text, struct addr_rule *out)
{
	char buf[128], *prefix, *ports = NULL;
	const char *why;

	if (!*text)
		return "is empty";
	if (strlen(text) >= sizeof(buf))
		return "is too long for an address";
	strcpy(buf, text);
	if (*buf == '[')
		return parse_bracketed(buf + 1, out);
	if (strchr(buf, ':') == strrchr(buf, ':'))	/* IPv4: the colon is the port's */
		ports = cut(buf, ':');
	prefix = cut(buf, '/');
	if (prefix && strchr(prefix, ':'))
		return wrong("an IPv6 network with a port needs brackets; write [%s]/%s", buf,
			     prefix);
	why = parse_network(buf, prefix, out);
	return why ? why : parse_ports(ports, &out->ports);
}

/*
 * Whether the last label is a number, decimal or hexadecimal: some resolver
 * would take that for an IPv4 address (WHATWG URL, "ends in a number").
 */
static bool ends_in_number(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *label = dot ? dot + 1 : name;

	if (!strncasecmp(label, "0x", 2))
		return !label[2 + strspn(label + 2, DIGITS "abcdefABCDEF")];
	return *label && !label[strspn(label, DIGITS)];
}

static bool looks_like_name(const char *text)
{
	size_t len = strcspn(text, ":");
	char name[HOST_MAX + 1];

	if (!len || len > HOST_MAX || strchr(text, ':') != strrchr(text, ':'))
		return false;
	len -= text[len - 1] == '.';
	memcpy(name, text, len);
	name[len] = '\0';
	return !name[strspn(name, LOWER UPPER DIGITS "-_.")] && !ends_in_number(name);
}

const char *parse_addr_rule(const char *text, struct addr_rule *out)
{
	const char *why = parse_addr(text, out);

	if (why && looks_like_name(text))
		return "is a host name; put it in allowed_hosts";
	return why;
}

const char *parse_server(const char *text, struct addr_rule *out)
{
	const char *why = parse_addr(text, out);

	if (why)
		return looks_like_name(text) ? "is a host name; write the server's address" : why;
	if (out->prefixlen != 128)
		return "is a network; write the address of each server";
	if (out->ports.lo)
		return "has a port; write the address alone";
	return NULL;
}

/* Letters, digits, "-" and "_" in labels of 1..63, 253 in all (RFC 1035 2.3.4). */
static const char *check_labels(const char *name)
{
	size_t len = strlen(name), label;
	const char *s = name;

	if (len > HOST_MAX)
		return wrong("is longer than the %d characters of a host name", HOST_MAX);
	if (name[strspn(name, LOWER DIGITS "-_.")])
		return "is not a host name; letters, digits, \"-\", \"_\" and \".\" make one";
	for (;; s += label + 1) {
		label = strcspn(s, ".");
		if (!label)
			return "has an empty label";
		if (label > LABEL_MAX)
			return wrong("has a label longer than %d characters", LABEL_MAX);
		if (!s[label])
			return NULL;
	}
}

/* Lower-case A-labels by UTS 46, non-transitional; the result is malloc'd. */
static const char *to_a_labels(const char *name, char **out)
{
	char *ascii, *s;
	int rc;

	*out = xstrdup(name);
	for (s = *out; *s; s++)
		*s = isascii((unsigned char)*s) ? tolower((unsigned char)*s) : *s;
	for (s = *out; *s && isascii((unsigned char)*s); s++)
		;
	if (!*s)
		return NULL;
	rc = idn2_to_ascii_8z(*out, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK)
		return wrong("is not an international host name: %s", idn2_strerror(rc));
	free(*out);
	*out = xstrdup(ascii);
	idn2_free(ascii);
	return NULL;
}

char *domain_normal(const char *text)
{
	char *name = NULL;

	if (strlen(text) <= 4 * HOST_MAX && !to_a_labels(text, &name))
		return name;
	free(name);
	return NULL;
}

/* What names of other kinds give away before any label is looked at. */
static const char *check_not_host(const char *text)
{
	const char *host = strstr(text, "://");
	struct addr_rule addr;

	if (!*text)
		return "is empty";
	if (strlen(text) > 4 * HOST_MAX)	/* UTF-8: at most 4 bytes a character */
		return wrong("is longer than the %d characters of a host name", HOST_MAX);
	if (host) {
		host += 3;
		return wrong("is a URL; write the host: %.*s", (int)strcspn(host, "/?#"), host);
	}
	if (!parse_addr(text, &addr))
		return "is an address; put it in allowed_ips";
	if (text[0] == '*' && text[1] == '.')
		return wrong("subdomains are written without \"*\": %s", text + 1);
	return NULL;
}

const char *parse_host_rule(const char *text, struct host_rule *out)
{
	const char *why = check_not_host(text);
	char buf[4 * HOST_MAX + 1], *name = buf;
	size_t len;

	out->name = NULL;
	if (why)
		return why;
	strcpy(buf, text);
	why = parse_ports(cut(buf, ':'), &out->ports);
	if (why)
		return why;
	out->below_only = *name == '.';
	name += out->below_only;
	why = to_a_labels(name, &out->name);
	if (!why) {
		len = strlen(out->name);
		if (len > 1 && out->name[len - 1] == '.')
			out->name[len - 1] = '\0';
		why = check_labels(out->name);
	}
	if (!why && ends_in_number(out->name))
		why = "is neither a host name nor an IPv4 address: it ends in a number";
	if (why) {
		free(out->name);
		out->name = NULL;
	}
	return why;
}

/* The components of an absolute path; in a pattern "*" and a trailing "/" are allowed. */
static const char *check_components(const char *path, bool pattern)
{
	const char *s = path;
	size_t len;

	if (strlen(path) >= PATH_MAX)
		return wrong("is longer than a path can be (%d bytes)", PATH_MAX - 1);
	for (; *s; s += len) {
		len = strcspn(++s, "/");
		if (!len && !*s && pattern)
			return NULL;
		if (!len)
			return *s ? "has \"//\"; write the path in its shortest form"
				  : "ends in \"/\"; name a file";
		if (!strncmp(s, "..", len))
			return "has \".\" or \"..\"; write the path in its shortest form";
		if (len > NAME_MAX)
			return wrong("has a component longer than %d bytes", NAME_MAX);
		if (memchr(s, '*', len) && !pattern)
			return "has \"*\"; write out each path";
		if (memchr(s, '*', len) && len > 1)
			return "\"*\" stands for one whole component, as in /proc/*/environ";
	}
	return NULL;
}

const char *check_full_path(const char *text)
{
	if (*text != '/')
		return "must be a full path, such as /usr/bin/curl";
	return check_components(text, false);
}

/* Of an AF_UNIX socket; unix(7): "@" stands for the NUL of an abstract name. */
const char *check_socket(const char *text)
{
	if (*text == '@' && strlen(text) > 108)
		return "is longer than the name of a socket can be (108 bytes)";
	if (*text == '@')
		return text[1] ? NULL : "is empty";
	if (*text != '/')
		return "must be a full path, such as /run/docker.sock, or an abstract name, such as @name";
	return check_components(text, false);
}

const char *check_path_pattern(const char *text)
{
	if (text[0] == '~' && text[1] == '/')
		return wrong("must start with \"/\"; write %s%s for any home directory",
			     text[2] == '.' ? "" : "/home/*", text + 1);
	if (*text != '/')
		return "must start with \"/\"";
	if (!text[1])
		return "covers every file; name a directory";
	return check_components(text, true);
}

const char *check_process(const char *text)
{
	if (!*text)
		return "is empty";
	if (*text == '/')
		return check_full_path(text);
	if (strchr(text, '/'))
		return "must be a file name, such as curl, or a full path";
	if (!strcmp(text, ".") || !strcmp(text, ".."))
		return "is not a file name";
	if (strlen(text) > NAME_MAX)
		return wrong("is longer than a file name can be (%d bytes)", NAME_MAX);
	if (strchr(text, '*'))
		return "has \"*\"; write out each name";
	return NULL;
}

const char *check_env_name(const char *text)
{
	if (isdigit((unsigned char)*text) || !*text || text[strspn(text, LOWER UPPER DIGITS "_")])
		return "is not the name of a variable; letters, digits and \"_\" make one";
	return strlen(text) > NAME_MAX ? wrong("is longer than %d bytes", NAME_MAX) : NULL;
}

/* systemd.unit(5), "unit names". */
const char *check_unit(const char *text)
{
	const char *type = strrchr(text, '.');

	if (!*text || text == type || text[strspn(text, LOWER UPPER DIGITS ":-_.\\@")])
		return "is not the name of a systemd unit";
	if (strlen(text) > NAME_MAX)
		return wrong("is longer than %d bytes", NAME_MAX);
	if (type && (!strcmp(type, ".service") || !strcmp(type, ".scope") ||
		     !strcmp(type, ".slice")))
		return NULL;
	return wrong("must end in .service, .scope or .slice; write %.255s.service", text);
}

/* HOST[:PORT] with an address in brackets if it is IPv6; RFC 3986 3.2. */
static bool is_authority(const char *text)
{
	struct host_rule host = { 0 };
	struct addr_rule addr = { 0 };
	struct port_range *ports = &host.ports;
	bool one_colon = strchr(text, ':') == strrchr(text, ':');
	bool valid;

	if ((*text == '[' || one_colon) && !parse_addr(text, &addr))
		ports = &addr.ports;
	else if (parse_host_rule(text, &host))
		return false;
	valid = !host.below_only && (!ports->lo || ports->lo == ports->hi);
	free(host.name);
	return valid;
}

const char *check_url(const char *text)
{
	char buf[VALUE_MAX + 1], *user;
	const char *s;
	size_t len;

	if (strncasecmp(text, "https://", 8) && strncasecmp(text, "http://", 7))
		return "must start with https:// or http://";
	for (s = text; *s; s++)
		if (*s <= ' ' || *s > '~' || strchr("\"<>\\^`{|}", *s))
			return "has a character that a URL must percent-encode";
	text = strstr(text, "://") + 3;
	len = strcspn(text, "/?#");
	if (len > VALUE_MAX)
		return "is too long";
	memcpy(buf, text, len);
	buf[len] = '\0';
	user = strrchr(buf, '@');
	if (!is_authority(user ? user + 1 : buf))
		return "must name a host, such as https://siem.example.com/events";
	return NULL;
}

/* A token, RFC 9110 5.6.2. */
const char *check_header_name(const char *text)
{
	if (!*text || text[strspn(text, LOWER UPPER DIGITS "!#$%&'*+-.^_`|~")])
		return "is not the name of an HTTP header";
	return NULL;
}

const char *parse_pid(const char *text, int32_t *out)
{
	*out = parse_number(text, PID_LIMIT);
	return *out < 1 ? wrong("must be 1..%d", PID_LIMIT) : NULL;
}

/* "5s", "500ms", or seconds. */
const char *parse_timeout(const char *text, unsigned int *ms)
{
	char buf[16];
	size_t digits = strspn(text, DIGITS);
	long n, unit = strcmp(text + digits, "ms") ? 1000 : 1;

	if (digits < sizeof(buf) && (!text[digits] || !strcmp(text + digits, "s") || unit == 1)) {
		memcpy(buf, text, digits);
		buf[digits] = '\0';
		n = parse_number(buf, TIMEOUT_MAX / unit);
		if (n > 0) {
			*ms = n * unit;
			return NULL;
		}
	}
	return wrong("must be 1ms..%ds, such as 5s or 500ms", TIMEOUT_MAX / 1000);
}

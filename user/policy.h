/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy as its author wrote it: one or more YAML files (and command-line
 * flags), parsed, validated and merged.  Nothing here knows about the kernel;
 * compile.c turns a struct policy_src into tables.
 *
 * All strings are NUL-terminated UTF-8 without control characters, owned by
 * the policy and released by policy_free().  Host names are stored in A-label
 * form, lower case, without a trailing dot.
 */
#ifndef KNTRL_POLICY_H
#define KNTRL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define POLICY_MAX_FILES	64	/* sources: files and the command line */
#define POLICY_FILE_MAX		(64u << 20)	/* bytes; a larger file is refused */

/* Where an entry was written. */
struct origin {
	uint16_t file;		/* index into policy_src.files */
	uint32_t line, column;	/* from 1; 0: not from a file */
	uint32_t index;		/* position in its list, in its own file, from 0 */
};

/* Ports in host byte order, inclusive; 0..65535 means any. */
struct port_range {
	uint16_t lo, hi;
};

struct host_rule {
	char *name;		/* without the leading dot of a ".name" pattern */
	bool below_only;	/* ".name": subdomains, not the name itself */
	struct port_range ports;
	struct origin at;
};

struct addr_rule {
	uint8_t addr[16];	/* network order; IPv4 as ::ffff:a.b.c.d; host bits are zero */
	uint8_t prefixlen;	/* 0..128; an IPv4 /n is stored as 96 + n; below 96: IPv6 alone */
	struct port_range ports;
	struct origin at;
};

/* A process named in a list: a file name, or a full path when it starts with "/". */
struct process_rule {
	char *process;
	bool children;		/* extends to descendants that match no entry of their own */
	struct origin at;
};

struct host_list { struct host_rule *v; size_t n; };
struct addr_list { struct addr_rule *v; size_t n; };
struct process_list { struct process_rule *v; size_t n; };

struct path_rule {
	char *path;
	struct origin at;
};
struct path_list { struct path_rule *v; size_t n; };

struct profile_rule {
	struct process_rule process;
	struct host_list hosts;
	struct addr_list cidrs;
};

enum chain_action { CHAIN_CONNECT, CHAIN_EXEC };

struct chain_rule {
	char *process;
	struct path_list ancestors;
	enum chain_action action;
	struct origin at;
};

enum exempt_kind { EXEMPT_PATH, EXEMPT_PID, EXEMPT_UNIT };

struct exempt_rule {
	enum exempt_kind kind;
	char *name;		/* path or unit */
	int32_t pid;
	struct origin at;
};

enum webhook_filter { HOOK_BLOCK = 1, HOOK_PASS = 2, HOOK_FILE_FLAG = 4, HOOK_ALL = 7 };

struct webhook_header { char *name, *value; };

struct webhook_rule {
	char *url;
	struct webhook_header *headers;
	size_t nheaders;
	unsigned int filter;	/* enum webhook_filter, or-ed */
	unsigned int timeout_ms;
	struct origin at;
};

enum policy_mode { MODE_UNSET, MODE_MONITOR, MODE_TRACE };
enum raw_action { RAW_UNSET, RAW_ALLOW, RAW_MONITOR, RAW_BLOCK };

/* A Boolean that may be left out: the default is then the reader's to choose. */
enum tristate { UNSET = -1, NO = 0, YES = 1 };

struct policy_src {
	char *files[POLICY_MAX_FILES];	/* as named by the user; "command line" for flags */
	size_t nfiles;

	unsigned int version;	/* of the format, 1; 0: not given */
	enum policy_mode mode;

	struct { struct exempt_rule *v; size_t n; } exempt;

	struct host_list allowed_hosts;
	struct addr_list allowed_ips;
	struct process_list allowed_processes;
	enum tristate allow_local_ranges;	/* default YES */
	enum tristate allow_github_meta;	/* default NO */
	const char *github_meta;	/* file of the ranges; NULL: the default one (github_meta.h) */
	enum tristate allow_metadata;		/* default NO */
	struct { struct profile_rule *v; size_t n; } profiles;
	enum raw_action raw_sockets;
	struct path_list raw_sockets_exempt;
	struct path_list blocked_sockets;

	enum tristate process_enabled;		/* default YES */
	struct { struct chain_rule *v; size_t n; } chains;
	struct path_list blocked_executables;
	enum tristate block_ptrace;

	struct addr_list dns_servers;		/* single addresses, any port */
	enum tristate block_unlisted_queries;	/* default NO */

	enum tristate file_enabled;
	struct path_list monitored_paths, protected_paths, blocked_paths;
	struct path_list monitored_env_vars;

	enum tristate enforce_sni, block_quic, allow_http;
	enum tristate self_protect;

	struct { struct webhook_rule *v; size_t n; } webhooks;
	bool agent;	/* there is one to post to them: not of the YAML */

	struct rego *rego;	/* of *.rego files, with the documents beside them; NULL: none */
};

/*
 * Parses and validates one YAML file and merges it into @p: lists are united
 * and de-duplicated, of scalars the later one wins.  Every error of the file
 * is written to @err, one per line, as
 *
 *	FILE:LINE:COLUMN: KEY.PATH[INDEX]: "VALUE": what is wrong; what is right
 *
 * with bytes that a terminal would act on escaped, and without the values that
 * may be secrets: the URLs and headers of webhooks.  Returns 0, or the number
 * of errors, and then @p must only be freed.
 */
int policy_read_file(struct policy_src *p, const char *path, FILE *err);

/* The same for a document in memory; @name stands for the file in messages. */
int policy_read_buffer(struct policy_src *p, const char *name, const void *buf, size_t len,
		       FILE *err);

/*
 * Reads all *.yaml, *.yml and *.rego of a directory, in the order of their
 * names, but for tests (*_test.rego).  Where there is Rego, *.json are its data.
 */
int policy_read_dir(struct policy_src *p, const char *dir, FILE *err);

/* All of a file that is not too large, to be freed; else NULL, and @why. */
char *policy_file(const char *path, size_t *len, const char **why);

/* Comma-separated lists as the command line has them; errors name the flag. */
int policy_add_hosts(struct policy_src *p, const char *list, FILE *err);
int policy_add_ips(struct policy_src *p, const char *list, FILE *err);

void policy_init(struct policy_src *p);
void policy_free(struct policy_src *p);

/* Writes each key with its path and the kind of value it takes, one per line. */
void policy_print_schema(FILE *out);

/*
 * Parsers of single values, also used on input documents.  Each returns NULL,
 * or what is wrong and what would be right, in words that follow the value and
 * hold until the thread's next call.
 */
const char *parse_address(const char *text, uint8_t addr[16]);
const char *parse_addr_rule(const char *text, struct addr_rule *out);
const char *parse_host_rule(const char *text, struct host_rule *out);	/* allocates out->name */

/* A name that was resolved, in lower-case A-labels; malloc'd, or NULL: it is no name. */
char *domain_normal(const char *text);

#endif

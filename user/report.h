/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel has recorded, and how it is shown.  Showing takes arrays
 * alone and knows nothing of maps.
 */
#ifndef KNTRL_REPORT_H
#define KNTRL_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "abi.h"
#include "pins.h"

struct named_image {
	__u64 hash;
	struct image image;
};

/* A name that clients said, in TLS or HTTP. */
struct server_name {
	__u64 hash;
	struct host_key key;
};

struct folded_flow {
	struct fold_key key;
	__u64 count;
};

/* As it lies in the map: a key, which the value repeats. */
struct question_told {
	struct dns_key key;
	struct dns_flow flow;
};

/* A program that the kernel skipped, and how often. */
struct skipped {
	char prog[64];
	__u64 count;
};

enum scope_mode { SCOPE_UNUSED, SCOPE_MONITOR, SCOPE_TRACE, SCOPE_UNKNOWN };

struct report {
	struct flow *flows;
	size_t nflows;
	struct named_image *images;	/* sorted by hash */
	size_t nimages;
	struct server_name *names;	/* sorted by hash */
	size_t nnames;
	struct folded_flow *folded;
	size_t nfolded;
	struct question_told *questions;
	size_t nquestions;
	struct skipped *skipped;
	size_t nskipped;
	__u64 counters[COUNTERS];
	enum scope_mode modes[SCOPES];
	__s64 github_times[SCOPES];	/* see struct policy */
	char source_names[SOURCES][SOURCE_LEN];
	const char *sources[SOURCES];	/* into source_names */
	size_t nsources;
	__u32 epoch;	/* of the policies that modes and sources are of */
	__s64 clock;	/* ns to add to CLOCK_MONOTONIC for the time of day */
	/* Where images come from if there are none above; for who shows one event at a time. */
	const struct image *(*find_image)(void *context, __u64 hash);
	bool (*find_name)(void *context, __u64 hash, struct host_key *key);	/* likewise */
	void *context;
	/* The names that an address has now, the newest first; NULL: they are not known. */
	size_t (*find_domains)(const struct report *r, const __u8 addr[16],
			       struct host_key keys[NAME_SLOTS]);
	int address_names, name_texts;	/* maps, for it */
};

/* Where it is shown. */
struct style {
	unsigned int width;	/* columns of the terminal; 0: as wide as it takes */
	bool colour;
};

#define RED	"\033[31m"
#define BOLD	"\033[1m"
#define DIM	"\033[2m"
#define PLAIN	"\033[0m"

/* ---- Values as text ---- */

#define ADDRESS_TEXT	64

/* "192.0.2.1", "2001:db8::1". */
void address_text(char buf[ADDRESS_TEXT], const __u8 addr[16]);

/* The prefix that folded flows are counted by: "192.0.0.0/16", "2001:db8::/32". */
void prefix_text(char buf[ADDRESS_TEXT], const __u8 addr[16]);

/* Where a flow goes: the address, or "raw socket AF_INET/SOCK_RAW". */
void target_text(char buf[ADDRESS_TEXT], const struct flow_key *key);

/* "tcp", "udp", "raw:89", "socket". */
void proto_text(char buf[16], const struct flow_key *key);

/* "block"; "flag": reported because a rule asks for that; "pass". */
const char *policy_text(const struct flow_key *key);

/* Of an EVENT_FILE: "open", "rename"; and the flags of open(2). */
const char *access_text(const struct flow_key *key);
__u32 access_flags(const struct flow_key *key);

/* The number of a protocol that proto_text() names. */
bool proto_number(const char *name, __u8 *proto);

/* "A", "TYPE64000". */
#define DNS_TYPE_TEXT	16
const char *dns_type_text(char buf[DNS_TYPE_TEXT], __u16 type);

/* The name that was asked for; "?": it could not be read. */
const char *dns_name_text(const struct dns_flow *f);

/* ---- Reports ---- */

/* Each name and server that was asked, once, by name; returns how many.  To be freed. */
size_t report_questions(const struct report *r, const struct dns_flow ***list);

/* "Domain | DNS Server", if anything was asked. */
void report_dns_table(FILE *out, const struct report *r, const struct style *s);

/* Puts what is looked up or printed in order: blocked flows first, then by time. */
void report_sort(struct report *r);

/* Leaves the flows of one scope that began at @since or later. */
void report_narrow(struct report *r, __u32 scope, __u64 since);

const struct image *report_image(const struct report *r, __u64 hash);

/* The name that a flow's client said, into @name; NULL: none that is known. */
const char *report_sni(const struct report *r, const struct flow_key *key, char name[HOST_KEY]);

/* The names of a flow's address, the newest first; how many there are. */
size_t report_domains(const struct report *r, const struct flow_key *key,
		      struct host_key keys[NAME_SLOTS]);

/* The program that an EVENT_EXEC is about, or the file of an EVENT_FILE. */
const struct image *report_program(const struct report *r, const struct flow_key *key);

/* The name of a program, or "?", safe for a terminal. */
void print_name(FILE *out, const struct report *r, __u64 image);

/* Where a flow goes, for people: "192.0.2.1:443", "[2001:db8::1]:443", or what else it is about. */
void print_target(FILE *out, const struct report *r, const struct flow_key *key);

/* The nearest ancestors of a flow, itself not included; returns how many, up to IDENT_LINE. */
size_t flow_ancestors(const struct flow *f, __u64 images[IDENT_LINE]);

/* One event in a line for people, as it happens. */
void report_live(FILE *out, const struct report *r, const void *data, size_t size,
		 const struct style *s);

void report_table(FILE *out, const struct report *r, const struct style *s);
/* Programs, processes, and what they reached. */
void report_tree(FILE *out, const struct report *r, const struct style *s);

/* What was blocked first, then what was allowed: for $GITHUB_STEP_SUMMARY, as a page, for code scanning. */
void report_markdown(FILE *out, const struct report *r);
void report_html(FILE *out, const struct report *r);
void report_sarif(FILE *out, const struct report *r);

/* A policy that allows all of it; each program's part in a profile of its own, if @profiles. */
void report_suggest(FILE *out, const struct report *r, bool profiles);

void report_summary(FILE *out, const struct report *r);

/* What is missing from the report, and why; nothing when it is whole. */
void report_losses(FILE *out, const struct report *r, const struct style *s);

/* ---- JSON, one object per line ---- */

/* A JSON string; what is not UTF-8 becomes U+FFFD. */
void json_text(FILE *out, const char *text, size_t len);

void json_flow(FILE *out, const struct report *r, const struct flow *f, __u64 time);

/* A record of the event stream; nothing for one of a type that is not known. */
void json_event(FILE *out, const struct report *r, const void *data, size_t size);

/* All flows, then the folded ones, of which the process and the time are null. */
void report_json(FILE *out, const struct report *r);

/* ---- Forms ---- */

enum format {
	FORMAT_TABLE, FORMAT_TREE, FORMAT_JSON, FORMAT_MARKDOWN, FORMAT_HTML, FORMAT_SARIF,
	FORMATS,
};

#define FORMAT_NAMES	"table, tree, json, markdown, html or sarif"

void style_of(struct style *s, FILE *out);

/* The format of that name; 0, or -1 with a message. */
int format_parse(enum format *format, const char *command, const char *name);

void report_print(FILE *out, const struct report *r, enum format format);

/* The table, and the tree if that was asked for. */
void report_print_end(FILE *out, const struct report *r, bool tree);

/* ---- report_read.c ---- */

/* Each returns 0, or -1 after saying on stderr why not. */
int report_read(struct report *r);
int report_open_domains(struct report *r);	/* from now on it knows the names of addresses */
int report_read_policies(struct report *r);	/* counters, modes, sources and clock alone */
int control_read(struct control *c);
void report_free(struct report *r);

/* Opens a pinned map for reading, if its keys and values are as large as ours. */
int map_open(const char *name, __u32 key_size, __u32 value_size);

/* ---- dump.c ---- */

/* Prints a map as text; 0, or -1 after saying why not. */
int dump(FILE *out, const char *name);

#endif

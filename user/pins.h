/* SPDX-License-Identifier: Apache-2.0 */
/* Where a loaded policy lives: the names of the pins, see kntrl-maps(7). */
#ifndef KNTRL_PINS_H
#define KNTRL_PINS_H

#define PIN_DIR		"/sys/fs/bpf/kntrl"
#define RUN_DIR		"/run/kntrl"	/* locks, and what the agent says of itself */

#define PIN_CONTROL	"control"
#define PIN_SCOPES	"scopes"
#define PIN_POLICIES	"policies"
#define PIN_ADDRESSES	"addresses"
#define PIN_PROCESSES	"processes"
#define PIN_HOSTS	"hosts"
#define PIN_ADDRESS_NAMES "address_names"
#define PIN_NAME_TEXTS	"name_texts"
#define PIN_TASKS	"tasks"
#define PIN_IMAGES	"images"
#define PIN_FLOWS	"flows"
#define PIN_FLOW_INDEX	"flow_index"
#define PIN_FOLDED	"folded"
#define PIN_EVENTS	"events"
#define PIN_VOUCHED	"vouched"
#define PIN_HEARD	"heard"
#define PIN_OWNERS	"owners"
#define PIN_RUNNERS	"runners"
#define PIN_SOURCES	"sources"
#define PIN_SOCKETS	"sockets"
#define PIN_FILES	"files"
#define PIN_FILE_IDS	"file_ids"
#define PIN_STREAM_SOCKETS "stream_sockets"
#define PIN_SERVER_NAMES "server_names"
#define PIN_DNS_FLOWS	"dns_flows"
#define PIN_UNLOCK	"unlock"
#define PIN_OWN_FILES	"own_files"

#define PIN_PROG_PREFIX	"prog_"		/* of the programs' pins */

/*
 * Opens a pinned object, for reading and writing or for reading alone.
 * Returns a file descriptor, or -errno after saying on stderr what is wrong.
 */
int pin_open(const char *name);
int pin_open_readonly(const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: reads the event stream into the output file and onto the terminal,
 * and reloads the policy when it is told to.  It enforces nothing: what the kernel
 * decides it decides without it.
 */
#ifndef KNTRL_AGENT_H
#define KNTRL_AGENT_H

#include <stdbool.h>

#include "load.h"

/* What "kntrl start" was told. */
struct orders {
	const char *rules_file, *rules_dir, *hosts, *ips;
	enum policy_mode mode;
	enum tristate local_ranges, github_meta, metadata, processes;
	bool ruled;		/* some of the above was given */
	bool accept_preempt;
	char *output;		/* absolute */
	bool pretty, daemonize, keep;
};

/* Sent along with SIGTERM by who prints the report, and ends enforcement, himself. */
#define TERM_QUIETLY	1

/*
 * Puts the policy in force and stays until it is told to end; the exit status.
 * When all stands, a 0 goes to @ready (-1: nobody waits).
 */
int agent_run(const struct orders *o, int ready);

/* The policy that the orders ask for, read anew.  The number of errors. */
int orders_policy(const struct orders *o, struct policy_src *p);

#endif

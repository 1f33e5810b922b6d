/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one agent of a host, and what it says of itself: a PID file that it keeps
 * locked, a second one where kntrl's users look for it, and its state.
 */
#ifndef KNTRL_INSTANCE_H
#define KNTRL_INSTANCE_H

#include <stdio.h>
#include <sys/types.h>

#include "pins.h"

#define PID_FILE	RUN_DIR "/kntrl.pid"
#define PID_FILE_TMP	"/tmp/kntrl.pid"
#define STATE_FILE	RUN_DIR "/agent.json"
#define LOG_FILE	RUN_DIR "/agent.log"

/* Makes this process the agent.  A descriptor that holds the lock, or -1 with a message. */
int instance_claim(void);

/* Writes the PID files; what comes of the one in /tmp is no reason to fail. */
int instance_publish(int lock);

/* They go again. */
void instance_withdraw(void);

/* The agent that runs: its process, and a descriptor of it in *pidfd (may be NULL); 0: none. */
pid_t instance_running(int *pidfd);

/* Opens a file in RUN_DIR that replaces the state when it is committed, whole. */
FILE *state_begin(void);
void state_commit(FILE *f);

/* Tells systemd, if it asked to be told (sd_notify(3)). */
void notify_manager(const char *state);

#endif

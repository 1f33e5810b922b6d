/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhooks: a process of its own posts events to the policy's URLs, so that neither a
 * slow endpoint nor a fault in what talks to it touches the agent.  It is nobody, and
 * exempt from the policy, by task.  The socket between the two bounds what waits
 * there; what does not fit is dropped, and counted.
 */
#ifndef KNTRL_WEBHOOK_H
#define KNTRL_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy.h"

/* In WEBHOOK_FILE, since the agent's start; changed by the agent and all its senders. */
struct webhook_counts {
	unsigned long long sent;	/* taken by the endpoint */
	unsigned long long failed;	/* given up */
	unsigned long long dropped;	/* for want of room */
	unsigned long long waiting;
};

struct sender {
	pid_t pid;		/* 0: there is none */
	int socket;
	struct webhook_counts *counts;
};

/* Variables that headers name must be set.  The number of errors, with messages. */
int webhooks_check(const struct policy_src *p);

/* Starts a sender for @p, in place of the one before, which is to be reaped.  0, or -1 with a message. */
int sender_start(struct sender *s, const struct policy_src *p);

/* It is told nothing more, delivers what it has, for some seconds at most, and ends. */
void sender_dismiss(struct sender *s);

/* Likewise, and waited for. */
void sender_end(struct sender *s);

/* @kind: an enum webhook_filter bit.  Never waits. */
void sender_give(struct sender *s, unsigned int kind, const char *json, size_t len);

/* As a running agent's have it; -1: there are none. */
int webhooks_counted(struct webhook_counts *c);

#endif

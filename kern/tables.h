/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables that a policy was compiled to; weak like those of maps.h. */
#ifndef KNTRL_TABLES_H
#define KNTRL_TABLES_H

#include "maps.h"

/*
 * The tables of one policy, written by the loader only, whole, before they are
 * put into a slot.  The templates are never created: they lend their types to
 * the arrays below and to the loader.
 */

struct policy_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct policy);
} policy_template TABLE;

struct address_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct address_key);
	__type(value, struct destination);
} address_template TABLE;

struct process_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct atoms);
} process_template TABLE;

struct host_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct host_key);
	__type(value, struct destination);
} host_template TABLE;

/* By slot.  A slot that is missing denies (RULE_UNDECIDED). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__array(values, struct policy_map);
} policies TABLE;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__array(values, struct address_map);
} addresses TABLE;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__array(values, struct process_map);
} processes TABLE;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__array(values, struct host_map);
} hosts TABLE;

#endif

// SPDX-License-Identifier: Apache-2.0
#include <ifaddrs.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "resolvers.h"
#include "util.h"

static void read_file(const char *path, struct addr_list *list)
{
	FILE *f = fopen(path, "re");
	char line[512];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		struct addr_rule a = { .prefixlen = 128, .ports = { 0, 65535 } };
		char word[128];

		if (sscanf(line, " nameserver %127s", word) != 1)
			continue;
		word[strcspn(word, "%")] = '\0';	/* fe80::1%eth0 */
		if (parse_address(word, a.addr))
			continue;
		list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
		list->v[list->n++] = a;
	}
	fclose(f);
}

void resolvers_read(struct addr_list *list)
{
	read_file("/etc/resolv.conf", list);
	read_file("/run/systemd/resolve/resolv.conf", list);
}

static size_t search_add(char domains[SEARCH_MAX][SEARCH_LEN], size_t n, const char *word)
{
	char *name = domain_normal(word);
	size_t i;

	for (i = 0; name && i < n && strcmp(domains[i], name); i++)
		;
	if (name && *name && i == n && n < SEARCH_MAX && strlen(name) < SEARCH_LEN)
		strcpy(domains[n++], name);
	free(name);
	return n;
}

static size_t search_read(const char *path, char domains[SEARCH_MAX][SEARCH_LEN], size_t n)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, *word, *rest;
	size_t room = 0;

	while (f && getline(&line, &room, f) >= 0) {
		word = strtok_r(line, " \t\n", &rest);
		if (!word || (strcmp(word, "search") && strcmp(word, "domain")))
			continue;
		while ((word = strtok_r(NULL, " \t\n", &rest)))
			n = search_add(domains, n, word);
	}
	free(line);
	if (f)
		fclose(f);
	return n;
}

size_t resolvers_search(char domains[SEARCH_MAX][SEARCH_LEN])
{
	size_t n = search_read("/etc/resolv.conf", domains, 0);

	return search_read("/run/systemd/resolve/resolv.conf", domains, n);
}

static bool same_address(const struct sockaddr *a, const uint8_t addr[16])
{
	static const uint8_t v4[12] = { [10] = 0xff, 0xff };

	if (a->sa_family == AF_INET)
		return !memcmp(addr, v4, sizeof(v4)) &&
		       !memcmp(addr + 12, &((const struct sockaddr_in *)a)->sin_addr, 4);
	return a->sa_family == AF_INET6 &&
	       !memcmp(addr, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
}

bool address_is_ours(const uint8_t addr[16])
{
	struct ifaddrs *all, *i;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (i = all; i && !found; i = i->ifa_next)
		found = i->ifa_addr && same_address(i->ifa_addr, addr);
	freeifaddrs(all);
	return found;
}

const char *path_weakness(const char *path)
{
	char real[PATH_MAX];
	struct stat st;

	if (!realpath(path, real))
		return "no such file; name a program that is there when the policy is loaded";
	for (;;) {
		char *slash = strrchr(real, '/');

		if (stat(real[0] ? real : "/", &st))
			return "cannot be examined";
		if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
			return "the file or a directory above it can be written by others than root";
		if (!slash)
			return NULL;
		*slash = '\0';
	}
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "hosts.h"
#include "names.h"

bool host_key_make(struct host_key *key, const char *name)
{
	size_t i, len = strlen(name);

	memset(key, 0, sizeof(*key));
	if (len && name[len - 1] == '.')
		len--;
	if (!len || len > HOST_LEN)
		return false;
	for (i = 0; i < len; i++) {
		char c = name[i] == '.' ? '.' : host_char(name[i]);

		if (!c || (c == '.' && (!i || name[i - 1] == '.' || i == len - 1)))
			return false;
		host_key_put(key, i, len, c);
	}
	host_key_end(key, len);
	return true;
}

static size_t key_length(const struct host_key *key)
{
	return strnlen(key->text, HOST_KEY - 1) - 1;
}

__u64 host_key_hash(const __u64 seed[2], const struct host_key *key)
{
	size_t i, len = key_length(key);
	__u64 h = host_hash_start(seed);

	for (i = len; i; i--)
		h = host_hash_add(h, key->text[i - 1]);
	return host_hash_end(h, len);
}

void host_key_name(const struct host_key *key, char name[HOST_KEY])
{
	size_t i, len = key_length(key);

	for (i = 0; i < len; i++)
		name[i] = key->text[len - 1 - i];
	name[len] = '\0';
}

// SPDX-License-Identifier: Apache-2.0
/*
 * The reading of DNS messages in the kernel against the same on the host: over all
 * files of a directory, whole and cut short, each must leave the same state behind.
 * Needs the right to load a tc program, no hook.
 */
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "abi.h"

static void repeat(__u32 n, long (*fn)(__u32, void *), void *ctx)
{
	__u32 i;

	for (i = 0; i < n && !fn(i, ctx); i++)
		;
}

#include "corpus.h"
#include "dns.h"
#include "dns_run.skel.h"

#define CUTS	6	/* of each message, beside the whole of it */

static struct dns_run_bpf *skel;

static bool kernel_read(struct dns *d, _Bool *question)
{
	static __u8 packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	__u32 zero = 0;
	int fd = bpf_map__fd(skel->maps.runs);

	if (bpf_map_update_elem(fd, &zero, d, BPF_ANY) ||
	    bpf_prog_test_run_opts(bpf_program__fd(skel->progs.dns_run), &opts) ||
	    bpf_map_lookup_elem(fd, &zero, d))
		return false;
	*question = opts.retval == 1;
	return opts.retval <= 1;
}

static bool reads_alike(const __u8 *bytes, __u32 len)
{
	static struct dns host, kernel;
	_Bool here, there;

	memset(&host, 0, sizeof(host));
	host.hash_start = 99;
	host.len = len;
	memcpy(host.bytes, bytes, len);
	kernel = host;
	here = dns_read(&host);
	return kernel_read(&kernel, &there) && here == there &&
	       !memcmp(&host, &kernel, sizeof(host));
}

static bool file_agrees(const char *path)
{
	static __u8 bytes[DNS_BYTES];
	__u32 i, len = corpus_read(path, bytes, sizeof(bytes));

	for (i = 0; i <= CUTS; i++)
		if (!reads_alike(bytes, len - len * i / CUTS)) {
			printf("# not the same when %u of %u bytes are there\n", len - len * i / CUTS,
			       len);
			return false;
		}
	return true;
}

int main(int argc, char **argv)
{
	int status;

	if (argc != 2) {
		fputs("usage: dns_run DIRECTORY\n", stderr);
		return 2;
	}
	skel = dns_run_bpf__open_and_load();
	if (!skel) {
		puts("Bail out! the program cannot be loaded");
		return 1;
	}
	status = corpus_run(argv[1], file_agrees);
	dns_run_bpf__destroy(skel);
	return status != 0;
}

// SPDX-License-Identifier: Apache-2.0
/* Transports other than TCP and UDP; see by.h. */
#include "by.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif
#define IPPROTO_SMC_	256
#define AF_SMC_		43
#define SOL_DCCP_	269
#define DCCP_SERVICE_	2

static int mptcp_connect(struct attempt *a)
{
	return dial_and_tell(sock(a->family, SOCK_STREAM, IPPROTO_MPTCP), a);
}

static int mptcp_fastopen(struct attempt *a)
{
	return tell_to(sock(a->family, SOCK_STREAM, IPPROTO_MPTCP), a, &a->to, a->len,
		       MSG_FASTOPEN);
}

static int mptcp_again(struct attempt *a)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = sock(a->family, SOCK_STREAM, IPPROTO_MPTCP);
	int err = dial(fd, &a->ok, a->len);

	if (!err)
		err = result(connect(fd, &none, sizeof(none)));
	return err ?: dial_and_tell(fd, a);
}

static int sctp_connect(struct attempt *a)
{
	return dial_and_tell(sock(a->family, SOCK_STREAM, IPPROTO_SCTP), a);
}

/* One to many: connects as it sends. */
static int sctp_sendto(struct attempt *a)
{
	int fd = sock(a->family, SOCK_SEQPACKET, IPPROTO_SCTP);

	return fd < 0 ? -errno : tell_to(fd, a, &a->to, a->len, 0);
}

static int dccp_connect(struct attempt *a)
{
	int fd = sock(a->family, SOCK_DCCP, IPPROTO_DCCP);

	if (fd < 0)
		return -errno;
	set_int(fd, SOL_DCCP_, DCCP_SERVICE_, htonl(1));
	return dial_and_tell(fd, a);
}

/* Falls back to TCP where there is no RDMA device. */
static int smc_connect(struct attempt *a)
{
	int fd = sock(AF_SMC_, SOCK_STREAM, a->family == AF_INET ? 0 : 1);

	return dial_and_tell(fd, a);
}

static int smc_ipproto(struct attempt *a)
{
	return dial_and_tell(sock(a->family, SOCK_STREAM, IPPROTO_SMC_), a);
}

static const struct technique techniques[] = {
	{ "mptcp-connect", mptcp_connect, BOTH },
	{ "mptcp-fastopen", mptcp_fastopen, BOTH },
	{ "mptcp-connect-again", mptcp_again, BOTH },
	{ "sctp-connect", sctp_connect, BOTH },
	{ "sctp-sendto", sctp_sendto, BOTH },
	{ "dccp-connect", dccp_connect, BOTH },
	{ "smc-connect", smc_connect, BOTH },
	{ "smc-ipproto", smc_ipproto, BOTH },
	{ }
};

int main(int argc, char **argv)
{
	return by_main(argc, argv, techniques);
}

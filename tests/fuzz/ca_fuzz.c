/* Messages to and from khien-ca. A request that is taken is written to the same bytes. */
#include "ca_message.h"

#include <stdlib.h>
#include <string.h>

static void answers(struct ipc_reader r, uint16_t type)
{
	const char *pem;
	struct ca_trust trust;
	struct ca_status status;
	int64_t generation;
	struct ipc_reader again = r;
	ca_get_certificate(&again, type, &pem, NULL);
	again = r;
	ca_get_new_trust(&again, type, &trust, NULL);
	again = r;
	ca_get_changed(&again, type, &generation, NULL);
	again = r;
	if (!ca_get_status_answer(&again, type, &status, NULL) && status.n > sizeof status.v / sizeof *status.v)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *p, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct ipc_reader r;
	struct ca_request q;
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	uint16_t type;
	if (n > MAX_IPC_MESSAGE || ipc_open(&r, p, n, &type))
		return 0;
	answers(r, type);
	if (!ca_get_request(&r, type, &q)) {
		ca_put_request(&m, &q);
		if (m.error || m.n != n || memcmp(m.p, p, n) != 0)
			abort();
	}
	buf_release(&m);
	return 0;
}

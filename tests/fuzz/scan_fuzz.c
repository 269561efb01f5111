/* Any bytes as a word between khien-agent, khien-scan's template and its workers, in each direction: what is read is
 * bounded, says one thing only, and is the same when written again. */
#include "bounds.h"
#include "scan_messages.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_again(const struct buf *m, const uint8_t *data, size_t size)
{
	if (m->error || m->n != size || memcmp(m->p, data, size) != 0)
		abort();
}

#define WORD(name, type, get, put)                                                                                     \
	static bool name(struct ipc_reader *r, struct buf *m)                                                          \
	{                                                                                                              \
		type v;                                                                                                \
		get(r, &v);                                                                                            \
		if (ipc_end(r))                                                                                        \
			return false;                                                                                  \
		put(m, &v);                                                                                            \
		return true;                                                                                           \
	}
WORD(result, struct scan_result, pool_get_result, pool_put_result)
WORD(engines, struct engine_states, pool_get_engines, pool_put_engines)
WORD(up, struct pool_up, pool_get_up, pool_put_up)
WORD(begin, struct scan_begin, scan_get_begin, scan_put_begin)
WORD(loaded, struct scan_loaded, scan_get_loaded, scan_put_loaded)
WORD(worker, struct scan_worker, scan_get_worker, scan_put_worker)
WORD(limits, struct scan_limits, scan_get_limits, scan_put_limits)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool (*const words[])(struct ipc_reader * r, struct buf * m) = {
	    result, engines, up, begin, loaded, worker, limits};
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct ipc_reader r;
	uint16_t type;
	if (size > MAX_IPC_MESSAGE || ipc_open(&r, data, size, &type))
		return 0;
	ipc_begin(&m, type);
	if (words[type % (sizeof words / sizeof *words)](&r, &m))
		same_again(&m, data, size);
	buf_release(&m);
	return 0;
}

/* Any bytes as a message of the agent's processes: what is read is bounded, terminated, and the same when written
 * again. */
#include "bounds.h"
#include "ipc_model.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_again(const struct buf *m, const uint8_t *data, size_t size)
{
	if (m->error || m->n != size || memcmp(m->p, data, size) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct ipc_reader r;
	uint16_t type;
	struct agent_state s;
	struct event e;
	struct task_args args;
	struct hardware h;
	if (size > MAX_IPC_MESSAGE || ipc_open(&r, data, size, &type))
		return 0;
	ipc_begin(&m, type);
	if (type % 4 == 0) {
		ipc_get_state(&r, &s);
		if (ipc_end(&r) == 0)
			ipc_put_state(&m, &s);
	} else if (type % 4 == 1) {
		ipc_get_event(&r, &e);
		if (ipc_end(&r) == 0)
			ipc_put_event(&m, &e);
	} else if (type % 4 == 2) {
		ipc_get_task_args(&r, type % 64 / 4, &args);
		if (ipc_end(&r) == 0)
			ipc_put_task_args(&m, type % 64 / 4, &args);
	} else {
		ipc_get_hardware(&r, &h);
	}
	if (m.n > 2)
		same_again(&m, data, size);
	buf_release(&m);
	return 0;
}

#include "identity_int.h"

static const uint8_t zeros[NONCES_BYTES];

int live_insert(struct db *db, int64_t machine_id, int64_t install_id)
{
	return db_exec(db, NULL,
	    "insert into machine_live(machine_id, install_id, installed, last_seen, last_seen_real, branch, counter, "
	    "nonces,"
	    " state_hash, hw_hash, heard_day, policy_key, policy_hash, policy_interval_s, policy_version, address, "
	    "agent_version)"
	    " values ($1, $2, 1, 0, 0, $3, 0, $4, $3, $3, -1, -1, '', 0, 0, '', '')",
	    "iibb", machine_id, install_id, zeros, (size_t)ID_BYTES, zeros, sizeof zeros);
}

int branch_keep(struct db *db, int64_t machine_id)
{
	return db_exec(db, NULL,
	    "update branch set counter = l.counter, nonces = l.nonces from machine_live l"
	    " where l.machine_id = $1 and branch.id = l.branch",
	    "i", machine_id);
}

int live_take_over(struct db *db, int64_t machine_id, int64_t install_id)
{
	int r = branch_keep(db, machine_id);
	if (r)
		return r;
	return db_exec(db, NULL,
	    "update machine_live set install_id = $2, installed = 1, branch = $3, counter = 0, nonces = $4, state_hash "
	    "= $3,"
	    " hw_hash = $3, policy_key = -1, policy_hash = '' where machine_id = $1",
	    "iibb", machine_id, install_id, zeros, (size_t)ID_BYTES, zeros, sizeof zeros);
}

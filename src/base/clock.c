#include "clock.h"

#include <stdatomic.h>
#include <time.h>

#ifdef _WIN32
#include <windows.h>

int64_t clock_real_us(void)
{
	FILETIME ft;
	GetSystemTimePreciseAsFileTime(&ft);
	int64_t t = (int64_t)ft.dwHighDateTime << 32 | ft.dwLowDateTime;
	return t / 10 - INT64_C(11644473600) * US_PER_S; /* 1601 to 1970 */
}

int64_t clock_mono_us(void)
{
	return (int64_t)GetTickCount64() * 1000;
}
#else
static int64_t read_clock(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t clock_real_us(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
	return read_clock(CLOCK_BOOTTIME);
}
#endif

static _Atomic int64_t simulated;

int64_t clock_business_us(void)
{
	int64_t t = atomic_load(&simulated);
	return t ? t : clock_real_us();
}

void clock_simulate(int64_t us)
{
	atomic_store(&simulated, us);
}

bool clock_simulated(void)
{
	return atomic_load(&simulated) != 0;
}

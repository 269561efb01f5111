/* Two clocks, never mixed.
 *   Real time: certificates, TLS, tokens, sessions, time-outs. clock_real_us and clock_mono_us.
 *   Business time: true from–to, recorded at, last seen, "as of now". clock_business_us, and nothing else, gives it.
 * Business time is real time, except in a process that serves a store created as a simulation: there the store's
 * simulated instant is put in by clock_simulate and moves only by clock_simulate. All in microseconds since 1970 UTC.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define US_PER_S INT64_C(1000000)
#define TIME_END INT64_C(253402300799999999) /* the last instant of the year 9999: "until further notice" */

int64_t clock_real_us(void);
int64_t clock_mono_us(void); /* counts through suspend; arbitrary origin */
int64_t clock_business_us(void);

void clock_simulate(int64_t us); /* thread-safe; us > 0 */
bool clock_simulated(void);

#endif

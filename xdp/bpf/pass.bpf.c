/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * Passes everything. For the far end of a veth pair: only with an XDP program there does the kernel
 * deliver, without delay, what another XDP program redirects or sends back to it.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("xdp")
int pass(struct xdp_md* ctx) {
  (void)ctx;
  return XDP_PASS;
}

/* The same for devices with a large MTU. */
SEC("xdp.frags")
int pass_parts(struct xdp_md* ctx) {
  (void)ctx;
  return XDP_PASS;
}

// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernel says of a driver. The loopback device has no native XDP, and so sends nothing
// that XDP redirects; veth devices, which do, are in tests/e2e/wire_test.py and veth_test.py.
#include "xdp/loader/redirect_target.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include <stdexcept>

namespace postern::xdp {
namespace {

TEST(RedirectTarget, LoopbackIsNone) {
  const Device loopback("lo");
  const auto features = xdp_features(loopback.index());
  if (!features) GTEST_SKIP() << "this kernel, before 6.3, does not tell";
  EXPECT_EQ(*features & (kSendsRedirected | kSendsInParts), 0u);
  try {
    require_redirect_target(loopback, false);
    FAIL() << "not refused";
  } catch (const std::runtime_error& refused) {
    const std::string line = refused.what();
    EXPECT_NE(line.find("the driver of lo "), std::string::npos) << line;
    EXPECT_NE(line.find("--generic"), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
}

TEST(RedirectTarget, OfADeviceThatIsGoneNothingIsSaid) {
  EXPECT_EQ(xdp_features(0x7ffffff0), std::nullopt);
}

}  // namespace
}  // namespace postern::xdp

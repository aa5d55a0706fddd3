// SPDX-License-Identifier: BSD-3-Clause
//
// What is asked of mail with the null sender: tags, and not too much of it.
#include "control/smtp/backscatter.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

constexpr int64_t kNow = 1'700'000'000;

class BackscatterTest : public testing::Test {
 protected:
  BackscatterTest() {
    rates_.rates[static_cast<size_t>(policy::Limited::kNullSenders)] = {3, 3000};
  }

  void start(bool with_tags = true) {
    limits_.emplace(rates_);
    backscatter_.emplace(options_, *limits_);
    if (with_tags) backscatter_->use(batv_);
  }
  static Prefix source(uint32_t number) {
    return *Prefix::make(IpAddress::v4(number), 32, Prefix::HostBits::kRefuse);
  }
  Backscatter::Mail mail(const std::string& sender = "") {
    return {.sender = sender == "" ? std::string_view() : std::string_view("a@b.example"),
            .source = source(from_),
            .exempt = exempt_,
            .now = kNow,
            .uptime = uptime_};
  }
  // The answer, or the recipient as it is then.
  std::string admitted(std::string recipient, const std::string& sender = "") {
    const auto reply = backscatter_->admit(mail(sender), recipient);
    if (reply) return reply->one_line().substr(0, 9);
    return recipient;
  }
  std::string limited(const std::string& recipient) {
    const auto reply = backscatter_->limit(mail(), recipient);
    return reply ? reply->one_line().substr(0, 9) : "passes";
  }
  std::string tagged(const std::string& address) { return batv_->tag(address, kNow); }

  std::shared_ptr<const Batv> batv_ = std::make_shared<const Batv>(
      Batv::parse("key 1 0123456789abcdef\ncheck checked.example\ntag tagged.example\n", "batv"));
  policy::SourceLimits::Options rates_;
  Backscatter::Options options_;
  std::optional<policy::SourceLimits> limits_;
  std::optional<Backscatter> backscatter_;
  uint32_t from_ = 1;
  bool exempt_ = false;
  int64_t uptime_ = 1'000'000;
};

TEST_F(BackscatterTest, ReportsHaveToCarryATag) {
  rates_ = {};
  start();
  EXPECT_EQ(admitted("joe@checked.example"), "550 5.7.1");
  EXPECT_EQ(admitted("prvs=1234000000=joe@checked.example"), "550 5.7.1");
  EXPECT_EQ(admitted(tagged("joe@checked.example")), "joe@checked.example");
  const std::string old = batv_->tag("joe@checked.example", kNow - 20 * 86400);
  EXPECT_EQ(admitted(old), "550 5.7.1");
  EXPECT_EQ(admitted("\"joe doe\"@checked.example"), "\"joe doe\"@checked.example");
}

TEST_F(BackscatterTest, DomainsThatOnlyTagRefuseNothing) {
  rates_ = {};
  start();
  EXPECT_EQ(admitted("joe@tagged.example"), "joe@tagged.example");
  EXPECT_EQ(admitted("prvs=1234000000=joe@tagged.example"), "joe@tagged.example");
  EXPECT_EQ(admitted("prvs=1234000000=joe@other.example"), "prvs=1234000000=joe@other.example");
}

TEST_F(BackscatterTest, OtherSendersNeedNoTagAndLoseTheirs) {
  start();
  EXPECT_EQ(admitted("joe@checked.example", "x"), "joe@checked.example");
  EXPECT_EQ(admitted(tagged("joe@checked.example"), "x"), "joe@checked.example");
  EXPECT_EQ(admitted("prvs=1234000000=joe@checked.example", "x"), "joe@checked.example");
}

TEST_F(BackscatterTest, WhoIsHeardNeedsNone) {
  rates_ = {};
  start();
  EXPECT_EQ(admitted("Postmaster@checked.example"), "Postmaster@checked.example");
  EXPECT_EQ(admitted("abuse@checked.example"), "abuse@checked.example");
  EXPECT_EQ(admitted("prvs=1234000000=abuse@checked.example"), "abuse@checked.example");
  EXPECT_EQ(admitted("abuser@checked.example"), "550 5.7.1");
  exempt_ = true;
  EXPECT_EQ(admitted("joe@checked.example"), "joe@checked.example");
}

TEST_F(BackscatterTest, ASourceMayBringSoManyReports) {
  start(false);
  for (int i = 0; i < 3; i++) EXPECT_EQ(admitted("a@b.example"), "a@b.example");
  EXPECT_EQ(admitted("a@b.example"), "450 4.7.1");
  EXPECT_EQ(admitted("a@b.example", "x"), "a@b.example");
  from_ = 2;
  EXPECT_EQ(admitted("a@b.example"), "a@b.example");
  from_ = 1;
  exempt_ = true;
  EXPECT_EQ(admitted("a@b.example"), "a@b.example");
  exempt_ = false;
  uptime_ += 1000;
  EXPECT_EQ(admitted("a@b.example"), "a@b.example");
  EXPECT_EQ(admitted("a@b.example"), "450 4.7.1");
}

TEST_F(BackscatterTest, ADomainGetsSoManyReportsFromAll) {
  options_.per_domain = {2, 2000};
  start();
  EXPECT_EQ(limited("a@b.example"), "passes");
  from_ = 2;
  EXPECT_EQ(limited("c@B.example"), "passes");
  EXPECT_EQ(limited("c@b.example"), "450 4.7.1");
  EXPECT_EQ(limited("c@c.example"), "passes");
  exempt_ = true;
  EXPECT_EQ(limited("c@b.example"), "passes");
  exempt_ = false;
  // Here only what proved itself comes so far, or could not.
  for (int i = 0; i < 5; i++) EXPECT_EQ(limited("joe@checked.example"), "passes");
  EXPECT_EQ(limited("postmaster@checked.example"), "passes");
  EXPECT_EQ(limited("\"joe doe\"@checked.example"), "passes");
  EXPECT_EQ(limited("abuse@checked.example"), "450 4.7.1");
  EXPECT_FALSE(backscatter_->limit(mail("x"), "c@b.example"));
}

TEST_F(BackscatterTest, WithoutRatesNothingIsLimited) {
  rates_ = {};
  start(false);
  for (int i = 0; i < 1000; i++) {
    EXPECT_EQ(admitted("a@b.example"), "a@b.example");
    EXPECT_EQ(limited("a@b.example"), "passes");
  }
}

}  // namespace
}  // namespace postern::smtp

// SPDX-License-Identifier: BSD-3-Clause
//
// PatientResolver: a resolver for one task, such as one message, all of whose look-ups together
// have a deadline. What has not been answered by then, or is asked for only after it, has failed,
// and whoever asked goes on with what did come. Failures and answers are noted (silent_zones.h),
// and a failure that nobody is to wait for any more is marked.
#pragma once

#include <chrono>

#include "control/dns/resolver.h"
#include "control/dns/silent_zones.h"

namespace postern::dns {

class PatientResolver : public Resolver {
 public:
  // zones: may be null; then nothing is noted, and nothing ever given up. Both outlive this.
  PatientResolver(Resolver& resolver, SilentZones* zones,
                  std::chrono::steady_clock::time_point deadline)
      : resolver_(resolver), zones_(zones), deadline_(deadline) {}

  boost::asio::awaitable<Answer> query(std::string name, RecordType type) override;

 private:
  void note(Answer& answer, const std::string& name, RecordType type,
            std::chrono::steady_clock::duration waited);

  Resolver& resolver_;
  SilentZones* zones_;
  const std::chrono::steady_clock::time_point deadline_;
};

}  // namespace postern::dns

// SPDX-License-Identifier: BSD-3-Clause
//
// ApiTest: the management API over an engine in memory, asked as an operator.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string_view>

#include "dataplane/engine/api.h"
#include "tests/dataplane/engine/memory_engine.h"

namespace postern {

namespace json = boost::json;

class ApiTest : public testing::Test {
 protected:
  ApiAnswer ask(std::string_view method, std::string_view target, std::string_view body = "") {
    return api_.handle(this_engine(), method, target, body);
  }
  json::object object_of(const ApiAnswer& answer) { return json::parse(answer.body).as_object(); }
  // An error is JSON with one line, whatever went wrong.
  void expect_error(const ApiAnswer& answer, unsigned status) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const auto object = object_of(answer);
    ASSERT_EQ(object.size(), 1u);
    const auto& line = object.at("error").as_string();
    EXPECT_FALSE(line.empty());
    EXPECT_EQ(line.find('\n'), json::string::npos) << line;
  }

  MemoryEngine engine_;
  Api api_{engine_};
};

}  // namespace postern

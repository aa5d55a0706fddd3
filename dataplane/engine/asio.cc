// SPDX-License-Identifier: BSD-3-Clause
//
// Boost.Asio and Boost.Beast, compiled once for the management API.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>

// SPDX-License-Identifier: BSD-3-Clause
//
// The site's recipient directory as its settings describe it: which directories are asked, in which
// order, and what is in front of them. `postern directory` asks the same ones.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/program_options/options_description.hpp>
#include <memory>
#include <string>

#include "control/config/values.h"
#include "control/directory/answer_cache.h"
#include "control/directory/backend_directory.h"
#include "control/directory/directory.h"
#include "control/directory/file_directory.h"
#include "control/directory/ldap_directory.h"
#include "control/directory/mail_address.h"

namespace postern::config {

struct DirectoryOptions {
  std::string file;             // empty: none
  directory::LdapOptions ldap;  // without URIs: none
  std::string password_file;    // of ldap.credentials; empty: none
  bool backend = false;         // the farm is asked, too
  directory::AddressRules rules;
  directory::CacheOptions cache;        // in front of LDAP, and of the farm
  bool defer_when_unavailable = false;  // false: the farm decides
};

// The settings, their defaults and what they mean.
boost::program_options::options_description directory_settings();

// Throws UsageError or BadInput.
DirectoryOptions read_directory(const Values& values);
// Of a config file of postern-control, whose other settings are not looked at. Throws BadInput.
DirectoryOptions directory_options_in(const std::string& config_file);

struct SiteDirectory {
  std::unique_ptr<directory::Directory>
      directory;                             // null: there is none, all recipients are let by
  directory::FileDirectory* file = nullptr;  // part of it; to be read again when it changed
};

// Reads the recipient file. password: the text of the password file, whose first line it is; not
// looked at where none is named. ask: how the farm is asked; empty: it is not. Throws BadInput, or
// std::runtime_error naming the setting.
SiteDirectory open_site_directory(const boost::asio::any_io_executor& executor,
                                  DirectoryOptions options, const std::string& password,
                                  directory::BackendDirectory::Ask ask);
// The same, with the password read from its file.
SiteDirectory open_site_directory(const boost::asio::any_io_executor& executor,
                                  DirectoryOptions options,
                                  directory::BackendDirectory::Ask ask = {});

}  // namespace postern::config

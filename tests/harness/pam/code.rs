//! Codes of libpam that tests expect, named as in `_pam_types.h`.

#![expect(missing_docs, reason = "named as in `_pam_types.h`")]

pub const SUCCESS: i32 = 0;
pub const SERVICE_ERR: i32 = 3;
pub const SYSTEM_ERR: i32 = 4;
pub const PERM_DENIED: i32 = 6;
pub const AUTH_ERR: i32 = 7;
pub const AUTHINFO_UNAVAIL: i32 = 9;
pub const MAXTRIES: i32 = 11;
pub const CONV_ERR: i32 = 19;
pub const IGNORE: i32 = 25;

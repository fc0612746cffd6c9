//! provsync

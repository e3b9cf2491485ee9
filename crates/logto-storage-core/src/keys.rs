//! The keys of the items. The first four are the strings of Logto's Go SDK.

/// The pending sign-ins, as JSON.
pub const SIGN_IN_SESSION: &str = "logto_sign_in_session";

/// The ID token, as the provider issued it.
pub const ID_TOKEN: &str = "logto_id_token";

/// The refresh token.
pub const REFRESH_TOKEN: &str = "logto_refresh_token";

/// The access tokens by resource and organization, as JSON.
pub const ACCESS_TOKEN_MAP: &str = "logto_access_token_map";

/// What the four cannot hold: format version, pending sign-out, `sid`. Not known to other SDKs.
pub const SESSION_META: &str = "logto_session_meta";

/// All keys, for adapters that must know them.
pub const ALL: [&str; 5] = [SIGN_IN_SESSION, ID_TOKEN, REFRESH_TOKEN, ACCESS_TOKEN_MAP, SESSION_META];

//! Devices that wait for a person.

use crate::{
    grants::{Authorization, Grant},
    keys,
};
use std::collections::HashMap;

/// Seconds.
pub(crate) const LIFETIME: u64 = 600;
/// As the server's: no vowels, nothing that looks like something else.
const USER_CODE: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

/// All of them, by their device code.
#[derive(Default)]
pub(crate) struct Devices(HashMap<String, Device>);

struct Device {
    user_code: String,
    authorization: Authorization,
    /// Seconds since 1970.
    until: u64,
    outcome: Outcome,
}

enum Outcome {
    Waiting,
    Refused,
    Done(Box<Grant>),
    Spent,
}

/// What a device hears.
pub(crate) enum Pending {
    Unknown,
    Expired,
    Waiting,
    Refused,
    Done(Box<Grant>),
}

impl Devices {
    /// A device begins to wait: its code, and the one that a person types.
    pub(crate) fn begin(&mut self, mut authorization: Authorization, now: u64) -> (String, String) {
        let device_code = keys::random();
        let letters = keys::random_of(USER_CODE, 8);
        let user_code = format!("{}-{}", &letters[..4], &letters[4..]);
        authorization.device = Some(device_code.clone());
        let (until, outcome) = (now + LIFETIME, Outcome::Waiting);
        let device = Device { user_code: user_code.clone(), authorization, until, outcome };
        self.0.insert(device_code.clone(), device);
        (device_code, user_code)
    }

    /// What the device with this code asks for; dashes and case do not matter.
    pub(crate) fn find(&self, user_code: &str, now: u64) -> Option<Authorization> {
        let plain = |code: &str| code.replace('-', "").to_ascii_uppercase();
        let wanted = plain(user_code);
        let device = self.0.values().find(|device| plain(&device.user_code) == wanted)?;
        let waits = matches!(device.outcome, Outcome::Waiting) && now < device.until;
        waits.then(|| device.authorization.clone())
    }

    pub(crate) fn complete(&mut self, device_code: &str, grant: Option<Grant>) {
        if let (Some(device), Some(grant)) = (self.0.get_mut(device_code), grant) {
            device.outcome = Outcome::Done(Box::new(grant));
        }
    }

    pub(crate) fn refuse(&mut self, device_code: &str) {
        if let Some(device) = self.0.get_mut(device_code) {
            device.outcome = Outcome::Refused;
        }
    }

    /// A device asks how far it is.
    pub(crate) fn poll(&mut self, device_code: &str, client_id: &str, now: u64) -> Pending {
        let known = self.0.get_mut(device_code);
        let Some(device) = known.filter(|device| device.authorization.client_id == client_id) else {
            return Pending::Unknown;
        };
        if now >= device.until {
            return Pending::Expired;
        }
        match std::mem::replace(&mut device.outcome, Outcome::Spent) {
            Outcome::Done(grant) => Pending::Done(grant),
            Outcome::Spent => Pending::Unknown,
            Outcome::Refused => {
                device.outcome = Outcome::Refused;
                Pending::Refused
            }
            Outcome::Waiting => {
                device.outcome = Outcome::Waiting;
                Pending::Waiting
            }
        }
    }
}

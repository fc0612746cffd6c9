//! Proof that both stores say the same, and repair where they do not.
//!
//! - [`difference`]: what is found, and the report of it; [`shown`]: values in it; [`lookup`]:
//!   statements to look at it by hand; [`around`]: what both stores have next to it.
//! - [`stores`]: both, opened and checked.
//! - [`judge`]: desired and actual, and in which way they differ (pure).
//! - [`settle`]: whether a difference is real, or a change that is on its way.
//! - [`verify`]: every row of every table; [`resume`]: where a stopped one goes on.
//! - [`repair`]: what differs is made right, by us or by the worker that writes.
//! - [`report`]: the report as text, JSON, JUnit, SARIF and HTML.
//! - [`comparison`]: lineage in both stores from the same [`roots`], hop by hop: [`walk`] is one store's
//!   walk, [`both`] the two of them together, [`side`] what they need of a store, [`element`] what they meet.
//! - [`evidence`]: what was compared, in a file that either store can be held against.
//! - [`lineage`]: one store's lineage, shown.

pub mod around;
pub mod both;
pub mod comparison;
pub mod difference;
pub mod element;
pub mod evidence;
pub mod judge;
pub mod lineage;
pub mod lookup;
pub mod repair;
pub mod report;
pub mod resume;
pub mod roots;
pub mod settle;
pub mod shown;
pub mod side;
pub mod stores;
pub mod verify;
pub mod walk;

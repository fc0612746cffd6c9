//! Makes what the graph's schema lacks, and returns only when all of it is there and in use.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::{Existing, ItemKind, SchemaItem, Standing, of_table, read, standing};
use crate::error::{Error, Kind, Result};
use crate::mapping::Shape;
use crate::neo4j::{Graph, Statement};

/// How often one item is made when it is gone again each time, before that is an error.
const TRIES_MAX: usize = 3;
/// Between two looks at an index that is being filled.
const POLL: Duration = Duration::from_millis(200);

/// A database's schema.
pub trait SchemaStore: Sync {
    /// Every constraint and index, whoever made it.
    fn schema(&self) -> impl Future<Output = Result<Vec<Existing>>> + Send;

    /// Makes an item, unless there is one like it or of its name; returns whether it did.
    fn create(&self, item: &SchemaItem) -> impl Future<Output = Result<bool>> + Send;
}

impl SchemaStore for Graph {
    async fn schema(&self) -> Result<Vec<Existing>> {
        read(self).await
    }

    async fn create(&self, item: &SchemaItem) -> Result<bool> {
        let counters = self.run_alone(Statement::new(item.create())).await?;
        Ok(counters.constraints_added + counters.indexes_added > 0)
    }
}

/// Schema items that the database was seen to have, online. Only [`ensure`] fills one.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    items: BTreeSet<Guarantee>,
    made: usize,
}

/// Evidence that the constraints of a table's things were seen to be there; nothing is written
/// without it.
#[derive(Clone, Copy, Debug)]
pub struct Constrained(());

/// What an item guarantees, whatever its name: of relationships or nodes, label or type, properties.
type Guarantee = (ItemKind, bool, String, Vec<String>);

fn guarantee(item: &SchemaItem) -> Guarantee {
    (item.kind, item.on_relationships, item.of.clone(), item.properties.clone())
}

impl Checked {
    /// The evidence that all that the things of one table need is among them.
    pub fn covers(&self, shape: &Shape) -> Option<Constrained> {
        let is_checked = |item: &SchemaItem| self.items.contains(&guarantee(item));
        of_table(shape).iter().all(is_checked).then_some(Constrained(()))
    }

    /// How many had to be made.
    pub fn made(&self) -> usize {
        self.made
    }
}

/// Makes the required items that are missing and checks that each is there, of the right kind, on
/// the right label or type and properties, and online. Waits up to `patience` for indexes that are
/// being filled.
///
/// # Errors
/// Something is in the way: the error names it and the statement that removes it
/// ([`Kind::Graph`]). The data break a constraint: the error has the query that lists them. An index
/// is still being filled ([`Kind::Transient`]).
pub async fn ensure(
    store: &impl SchemaStore,
    required: &[SchemaItem],
    patience: Duration,
) -> Result<Checked> {
    let begun = Instant::now();
    let mut made = BTreeSet::new();
    for tries in 0.. {
        let missing = missing(store, required, begun, patience).await?;
        let Some(first) = missing.first() else { break };
        if tries == TRIES_MAX {
            return Err(gone_again(first));
        }
        for item in missing {
            match store.create(item).await {
                Ok(is_made) => made.extend(is_made.then_some(item.name.as_str())),
                // Another session made it since the schema was read: the next look says what it is.
                Err(error) if says_already_exists(&error) => {}
                Err(error) => return Err(refused(store, item, error).await),
            }
        }
    }
    Ok(Checked { items: required.iter().map(guarantee).collect(), made: made.len() })
}

/// `IF NOT EXISTS` is judged before the server locks the label, so it may come to this all the same (seen on 5.26).
fn says_already_exists(error: &Error) -> bool {
    error.server_code().is_some_and(|code| code.ends_with("AlreadyExists"))
}

fn gone_again(item: &SchemaItem) -> Error {
    let what = format!("{} ({}) is gone each time it is made", item.name, item.describe());
    Error::new(Kind::Graph, what)
        .hint("find out who drops it: SHOW TRANSACTIONS, or the server's query log")
}

/// The items that are not there. Nothing is in the way of any, and all others are online.
async fn missing<'i>(
    store: &impl SchemaStore,
    required: &'i [SchemaItem],
    begun: Instant,
    patience: Duration,
) -> Result<Vec<&'i SchemaItem>> {
    let mut blocked_before = None;
    loop {
        let existing = store.schema().await?;
        let standings: Vec<(&SchemaItem, Standing)> =
            required.iter().map(|item| (item, standing(item, &existing))).collect();
        if let Err(blocked) = refuse_blocked(&standings) {
            // For a moment a constraint that another session makes is listed as an index of its own.
            let why = Some(blocked.to_string());
            if why == blocked_before || begun.elapsed() >= patience {
                return Err(blocked);
            }
            blocked_before = why;
            tokio::time::sleep(POLL).await;
            continue;
        }
        let populating = standings.iter().find_map(|(item, at)| match at {
            Standing::Populating(percent) => Some((item, percent)),
            _ => None,
        });
        let Some((item, percent)) = populating else {
            let is_missing = |(_, at): &(&SchemaItem, Standing)| *at == Standing::Missing;
            return Ok(standings.into_iter().filter(is_missing).map(|(item, _)| item).collect());
        };
        if begun.elapsed() >= patience {
            let what = format!("the index of {} is being filled ({percent:.0} %)", item.name);
            return Err(Error::new(Kind::Transient, what)
                .hint("wait until SHOW INDEXES lists it as ONLINE, then run the command again"));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// All that is in the way, at once.
fn refuse_blocked(standings: &[(&SchemaItem, Standing)]) -> Result<()> {
    let blocked: Vec<(String, &String)> = standings
        .iter()
        .filter_map(|(item, at)| match at {
            Standing::Blocked { why, fix } => {
                Some((format!("{} ({}): {why}", item.name, item.describe()), fix))
            }
            _ => None,
        })
        .collect();
    if blocked.is_empty() {
        return Ok(());
    }
    let whys: Vec<&str> = blocked.iter().map(|(why, _)| why.as_str()).collect();
    let fixes: BTreeSet<String> = blocked.iter().map(|(_, fix)| format!("    {fix};\n")).collect();
    let fixes: String = fixes.into_iter().collect();
    let what = format!("the graph's schema can't be made:\n    {}", whys.join("\n    "));
    Err(Error::new(Kind::Graph, what)
        .hint(format!("in Neo4j run\n{fixes}  and then `provsync schema apply`")))
}

/// Why an item could not be made.
async fn refused(store: &impl SchemaStore, item: &SchemaItem, error: Error) -> Error {
    // Something may have come into its way since the schema was read.
    if let Ok(existing) = store.schema().await
        && let Err(blocked) = refuse_blocked(&[(item, standing(item, &existing))])
    {
        return blocked;
    }
    let is_broken = error.kind == Kind::Refused
        && error.server_code().is_some_and(|code| code.contains(".Schema.Constraint"));
    if !is_broken || item.kind == ItemKind::Index {
        return error.during(&format!("making {} ({})", item.name, item.describe()));
    }
    let things = if item.on_relationships { "relationships" } else { "nodes" };
    let what = format!(
        "{} can't be made: several {things} of {} have the same {}",
        item.name,
        item.of,
        item.properties.join(", ")
    );
    let code = error.server_code().unwrap_or_default().to_owned();
    Error::new(Kind::Graph, what).code(code).hint(format!(
        "this lists them:\n    {};\n  leave one of each, then `provsync schema apply`",
        item.doubles()
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::sync::Mutex;

    use super::super::IndexState;
    use super::*;

    /// A database in which names and places may be taken, with somebody who drops what is made.
    struct Database {
        schema: Mutex<Vec<Existing>>,
        drops_left: Mutex<usize>,
    }

    impl Database {
        fn with(schema: Vec<Existing>, drops: usize) -> Self {
            Self { schema: Mutex::new(schema), drops_left: Mutex::new(drops) }
        }
    }

    impl SchemaStore for Database {
        async fn schema(&self) -> Result<Vec<Existing>> {
            let mut drops = self.drops_left.lock().unwrap();
            let mut schema = self.schema.lock().unwrap();
            if *drops > 0 && schema.pop().is_some() {
                *drops -= 1;
            }
            for existing in schema.iter_mut() {
                if let IndexState::Populating(percent) = &mut existing.state {
                    *percent += 50.0;
                    if *percent >= 100.0 {
                        existing.state = IndexState::Online;
                    }
                }
            }
            Ok(schema.clone())
        }

        async fn create(&self, item: &SchemaItem) -> Result<bool> {
            let mut schema = self.schema.lock().unwrap();
            let new = Existing::made_from(item);
            let is_taken = schema.iter().any(|e| e.name == new.name);
            if !is_taken {
                schema.push(Existing { state: IndexState::Populating(0.0), ..new });
            }
            Ok(!is_taken)
        }
    }

    fn required() -> Vec<SchemaItem> {
        vec![
            SchemaItem::unique_node("Atom", &["atomId"]),
            SchemaItem::unique_relationship("KNOWS", &["edgeId"]),
            SchemaItem::node_index("Wait", &["token"]),
        ]
    }

    /// Random things that stand in the database already, some right and some wrong.
    fn random_schema(random: &mut fastrand::Rng) -> Vec<Existing> {
        let mut all = Vec::new();
        for item in required() {
            let mut existing = Existing::made_from(&item);
            match random.u8(..6) {
                0 => continue,
                1 => existing.of = vec!["Person".into()],
                2 => existing.on_relationships = !existing.on_relationships,
                3 => existing.kind = "NODE_PROPERTY_EXISTENCE".into(),
                4 => (existing.is_constraint, existing.kind) = (false, "RANGE".into()),
                _ => {}
            }
            if random.bool() {
                existing.name.push_str(" of others");
            }
            existing.state = match random.u8(..4) {
                0 => IndexState::Failed,
                1 => IndexState::Populating(10.0),
                _ => IndexState::Online,
            };
            all.push(existing);
        }
        all
    }

    fn online(existing: &[Existing]) -> bool {
        required().iter().all(|item| standing(item, existing) == Standing::Online)
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_stands_there_all_is_online_or_an_error_says_what_to_do() {
        let (mut done, mut refused, mut unseen) = (0, 0, 0);
        for seed in 0..2_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let before = random_schema(&mut random);
            let database = Database::with(before.clone(), usize::from(random.u8(..2)));
            match ensure(&database, &required(), Duration::from_secs(60)).await {
                Ok(checked) => {
                    assert!(online(&database.schema.lock().unwrap()), "seed {seed}");
                    assert_eq!(checked.items.len(), 3);
                    done += 1;
                }
                Err(error) => {
                    assert!(error.to_string().contains("DROP "), "seed {seed}: {error}");
                    refused += 1;
                }
            }
            // What this is for: making alone, as `IF NOT EXISTS` does it, goes wrong in silence.
            let database = Database::with(before, 0);
            for item in required() {
                database.create(&item).await.unwrap();
            }
            unseen += usize::from(!online(&database.schema().await.unwrap()));
        }
        assert!(done > 100 && refused > 100 && unseen > 100, "{done}, {refused}, {unseen}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_made_is_counted_and_a_drop_meanwhile_is_made_good() {
        let there = vec![Existing::made_from(&required()[0])];
        let checked = ensure(&Database::with(there.clone(), 0), &required(), Duration::ZERO).await;
        assert_eq!(checked.unwrap_err().kind, Kind::Transient, "it is still being filled");
        let checked = ensure(&Database::with(there.clone(), 0), &required(), POLL * 10).await;
        assert_eq!(checked.unwrap().made(), 2);
        let checked = ensure(&Database::with(there.clone(), 2), &required(), POLL * 10).await;
        assert_eq!(checked.unwrap().made(), 3);
        let gone = ensure(&Database::with(there, 1_000), &required(), POLL * 1_000).await;
        assert!(gone.unwrap_err().to_string().contains("is gone each time it is made"));
    }
}

//! Programs as people write them, each compiled twice from the same lines: once with std's types and once with neap's.
//! Only the `use` line is another one. Both print the same.

/// Unsizing where std's pointers do it by themselves.
macro_rules! by_itself {
    ($value:expr => $($target:tt)+) => {
        $value
    };
}

macro_rules! programs {
    ($name:ident, $($rc:ident)::+, $($coerce:ident)::+) => {
        mod $name {
            use $($rc)::+::{Rc, Weak};
            use std::cell::{Cell, RefCell};
            use std::collections::HashMap;
            use std::fmt::{self, Write};

            /// A tree of folders that know their parents: moved about, listed, and partly deleted.
            pub fn tree() -> String {
                struct Folder {
                    name: String,
                    parent: RefCell<Weak<Folder>>,
                    children: RefCell<Vec<Rc<Folder>>>,
                }
                impl Folder {
                    fn new(name: &str) -> Rc<Folder> {
                        let (parent, children) = Default::default();
                        Rc::new(Folder { name: name.into(), parent, children })
                    }
                    fn path(&self) -> String {
                        match self.parent.borrow().upgrade() {
                            Some(parent) => format!("{}/{}", parent.path(), self.name),
                            None => self.name.clone(),
                        }
                    }
                    fn list(&self, into: &mut String) {
                        writeln!(into, "{}", self.path()).expect("a string");
                        self.children.borrow().iter().for_each(|child| child.list(into));
                    }
                }
                fn add(parent: &Rc<Folder>, child: &Rc<Folder>) {
                    if let Some(old) = child.parent.borrow().upgrade() {
                        old.children.borrow_mut().retain(|other| !Rc::ptr_eq(other, child));
                    }
                    *child.parent.borrow_mut() = Rc::downgrade(parent);
                    parent.children.borrow_mut().push(Rc::clone(child));
                }
                let root = Folder::new("");
                let folders: Vec<_> = (0..30).map(|i| Folder::new(&format!("f{i}"))).collect();
                for (i, folder) in folders.iter().enumerate() {
                    add(if i < 3 { &root } else { &folders[i / 3 - 1] }, folder);
                }
                add(&folders[20], &folders[1]);
                add(&root, &folders[17]);
                let mut out = String::new();
                root.list(&mut out);
                for folder in &folders {
                    let parent = folder.parent.borrow().strong_count();
                    let (strong, weak) = (Rc::strong_count(folder), Rc::weak_count(folder));
                    writeln!(out, "{}: {strong} {weak} {parent}", folder.name).expect("a string");
                }
                let kept = folders[19].clone();
                drop(folders);
                root.children.borrow_mut().clear();
                writeln!(out, "{} {}", kept.path(), Rc::weak_count(&root)).expect("a string");
                out
            }

            /// Listeners that a subject does not keep alive; one of them goes while it is told.
            pub fn observers() -> String {
                trait Observer {
                    fn told(&self, news: &str);
                }
                struct Writer {
                    name: &'static str,
                    lines: Rc<RefCell<Vec<String>>>,
                }
                impl Observer for Writer {
                    fn told(&self, news: &str) {
                        self.lines.borrow_mut().push(format!("{} hears {news}", self.name));
                    }
                }
                struct Once {
                    next: RefCell<Option<Rc<dyn Observer>>>,
                }
                impl Observer for Once {
                    fn told(&self, news: &str) {
                        if let Some(next) = self.next.take() {
                            next.told(news);
                        }
                    }
                }
                #[derive(Default)]
                struct Subject {
                    observers: RefCell<Vec<Weak<dyn Observer>>>,
                }
                impl Subject {
                    fn tell(&self, news: &str) -> usize {
                        let all = self.observers.borrow().clone();
                        all.iter().filter_map(Weak::upgrade).for_each(|one| one.told(news));
                        self.observers.borrow_mut().retain(|weak| weak.strong_count() > 0);
                        self.observers.borrow().len()
                    }
                }
                let lines = Rc::default();
                let subject = Subject::default();
                let writer = |name| Writer { name, lines: Rc::clone(&lines) };
                let ann: Rc<dyn Observer> = $($coerce)::+!(Rc::new(writer("ann")) => dyn Observer);
                let bob: Rc<dyn Observer> = $($coerce)::+!(Rc::new(writer("bob")) => dyn Observer);
                let once = Rc::new(Once { next: RefCell::default() });
                let dyn_once: Rc<dyn Observer> = $($coerce)::+!(once.clone() => dyn Observer);
                for one in [&ann, &dyn_once, &bob] {
                    subject.observers.borrow_mut().push(Rc::downgrade(one));
                }
                drop(dyn_once);
                let mut counts = vec![subject.tell("flood")];
                *once.next.borrow_mut() = Some(bob);
                counts.push(subject.tell("ebb"));
                drop(ann);
                counts.push(subject.tell("storm"));
                drop(once);
                counts.push(subject.tell("calm"));
                let lines = Rc::try_unwrap(lines).map_err(|rc| Rc::strong_count(&rc));
                format!("{:?} {counts:?}", lines.map(RefCell::into_inner))
            }

            /// A Lisp with closures: environments are shared and hold each other.
            pub fn interpreter() -> String {
                #[derive(Clone)]
                enum Value {
                    Number(i64),
                    Symbol(Rc<str>),
                    List(Rc<[Value]>),
                    Builtin(fn(&[Value]) -> Value),
                    Lambda(Rc<Lambda>),
                }
                struct Lambda {
                    parameters: Vec<Rc<str>>,
                    body: Value,
                    scope: Rc<RefCell<Env>>,
                }
                #[derive(Default)]
                struct Env {
                    names: HashMap<Rc<str>, Value>,
                    outer: Option<Rc<RefCell<Env>>>,
                }
                impl Env {
                    fn get(&self, name: &str) -> Value {
                        match (self.names.get(name), &self.outer) {
                            (Some(value), _) => value.clone(),
                            (None, Some(outer)) => outer.borrow().get(name),
                            (None, None) => panic!("no {name}"),
                        }
                    }
                }
                impl fmt::Display for Value {
                    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        match self {
                            Value::Number(number) => number.fmt(f),
                            Value::Symbol(name) => name.fmt(f),
                            Value::Builtin(_) => f.write_str("builtin"),
                            Value::Lambda(lambda) => write!(f, "lambda/{}", lambda.parameters.len()),
                            Value::List(items) => {
                                f.write_str("(")?;
                                items.iter().try_for_each(|item| write!(f, " {item}"))?;
                                f.write_str(" )")
                            }
                        }
                    }
                }
                fn read<'a>(
                    tokens: &mut impl Iterator<Item = &'a str>,
                    names: &mut HashMap<String, Rc<str>>,
                ) -> Option<Value> {
                    let token = tokens.next()?;
                    match token {
                        ")" => None,
                        "(" => Some(Value::List(std::iter::from_fn(|| read(tokens, names)).collect())),
                        _ => Some(match token.parse() {
                            Ok(number) => Value::Number(number),
                            Err(_) => Value::Symbol(
                                names.entry(token.into()).or_insert_with(|| Rc::from(token)).clone(),
                            ),
                        }),
                    }
                }
                fn symbol(value: &Value) -> Rc<str> {
                    match value {
                        Value::Symbol(name) => name.clone(),
                        other => panic!("{other} is no name"),
                    }
                }
                fn eval(value: &Value, env: &Rc<RefCell<Env>>) -> Value {
                    let items = match value {
                        Value::Symbol(name) => return env.borrow().get(name),
                        Value::List(items) => items,
                        plain => return plain.clone(),
                    };
                    match (&items[0], &items[1..]) {
                        (Value::Symbol(name), rest) if &**name == "define" => {
                            let value = eval(&rest[1], env);
                            env.borrow_mut().names.insert(symbol(&rest[0]), value.clone());
                            value
                        }
                        (Value::Symbol(name), rest) if &**name == "if" => {
                            match eval(&rest[0], env) {
                                Value::Number(0) => eval(&rest[2], env),
                                _ => eval(&rest[1], env),
                            }
                        }
                        (Value::Symbol(name), rest) if &**name == "lambda" => {
                            let Value::List(parameters) = &rest[0] else { panic!("no list") };
                            Value::Lambda(Rc::new(Lambda {
                                parameters: parameters.iter().map(symbol).collect(),
                                body: rest[1].clone(),
                                scope: env.clone(),
                            }))
                        }
                        (function, rest) => {
                            let arguments: Vec<_> = rest.iter().map(|item| eval(item, env)).collect();
                            match eval(function, env) {
                                Value::Builtin(builtin) => builtin(&arguments),
                                Value::Lambda(lambda) => {
                                    let outer = Some(lambda.scope.clone());
                                    let names = lambda.parameters.iter().cloned().zip(arguments).collect();
                                    eval(&lambda.body, &Rc::new(RefCell::new(Env { names, outer })))
                                }
                                other => panic!("{other} is no function"),
                            }
                        }
                    }
                }
                fn numbers(arguments: &[Value]) -> impl Iterator<Item = i64> {
                    arguments.iter().map(|value| match value {
                        Value::Number(number) => *number,
                        other => panic!("{other} is no number"),
                    })
                }
                let global: Rc<RefCell<Env>> = Rc::default();
                let builtins: [(&str, fn(&[Value]) -> Value); 4] = [
                    ("+", |arguments| Value::Number(numbers(arguments).sum())),
                    ("*", |arguments| Value::Number(numbers(arguments).product())),
                    ("list", |arguments| Value::List(Rc::from(arguments))),
                    ("<", |arguments| Value::Number(numbers(arguments).is_sorted_by(|a, b| a < b).into())),
                ];
                for (name, builtin) in builtins {
                    global.borrow_mut().names.insert(Rc::from(name), Value::Builtin(builtin));
                }
                let program = "
                    ( define fact ( lambda ( n ) ( if ( < n 2 ) 1 ( * n ( fact ( + n -1 ) ) ) ) ) )
                    ( fact 15 )
                    ( define adder ( lambda ( n ) ( lambda ( m ) ( + n m ) ) ) )
                    ( define add5 ( adder 5 ) )
                    ( list ( add5 1 ) ( ( adder 7 ) 2 ) add5 add5 )
                    ( define twice ( lambda ( f x ) ( f ( f x ) ) ) )
                    ( twice add5 100 )
                    ( define fib ( lambda ( n ) ( if ( < n 2 ) n ( + ( fib ( + n -1 ) ) ( fib ( + n -2 ) ) ) ) ) )
                    ( fib 16 )";
                let mut tokens = program.split_whitespace();
                let mut names = HashMap::new();
                let mut out = String::new();
                while let Some(expression) = read(&mut tokens, &mut names) {
                    let value = eval(&expression, &global);
                    writeln!(out, "{value} {}", Rc::strong_count(&global)).expect("a string");
                }
                let fact = Rc::strong_count(&names["fact"]);
                // The lambdas hold the environment that holds them.
                global.borrow_mut().names.clear();
                let (strong, left) = (Rc::strong_count(&global), Rc::strong_count(&names["fact"]));
                writeln!(out, "{fact} {strong} {left}").expect("a string");
                out
            }

            /// A doubly linked list, edited at both ends and in the middle.
            pub fn deque() -> String {
                struct Node {
                    value: Cell<u32>,
                    next: RefCell<Option<Rc<Node>>>,
                    previous: RefCell<Weak<Node>>,
                }
                #[derive(Default)]
                struct List {
                    first: Option<Rc<Node>>,
                    last: Weak<Node>,
                }
                impl List {
                    fn push(&mut self, value: u32) -> Rc<Node> {
                        let node = Rc::new(Node {
                            value: Cell::new(value),
                            next: RefCell::default(),
                            previous: RefCell::new(std::mem::take(&mut self.last)),
                        });
                        self.last = Rc::downgrade(&node);
                        let previous = node.previous.borrow().upgrade();
                        match previous {
                            Some(previous) => *previous.next.borrow_mut() = Some(node.clone()),
                            None => self.first = Some(node.clone()),
                        }
                        node
                    }
                    fn remove(&mut self, node: &Rc<Node>) -> u32 {
                        let next = node.next.take();
                        let previous = node.previous.take().upgrade();
                        let weak = previous.as_ref().map(Rc::downgrade).unwrap_or_default();
                        match &next {
                            Some(next) => *next.previous.borrow_mut() = weak,
                            None => self.last = weak,
                        }
                        match previous {
                            Some(previous) => *previous.next.borrow_mut() = next,
                            None => self.first = next,
                        }
                        node.value.get()
                    }
                    fn values(&self) -> (Vec<u32>, Vec<u32>) {
                        let forward = std::iter::successors(self.first.clone(), |node| node.next.borrow().clone());
                        let back = std::iter::successors(self.last.upgrade(), |node| node.previous.borrow().upgrade());
                        (forward.map(|node| node.value.get()).collect(), back.map(|node| node.value.get()).collect())
                    }
                }
                let mut list = List::default();
                let nodes: Vec<_> = (0..20).map(|value| list.push(value)).collect();
                let mut out = format!("{:?}\n", list.values());
                for i in [0, 19, 7, 8, 1, 18] {
                    let value = list.remove(&nodes[i]);
                    let counts = (Rc::strong_count(&nodes[i]), Rc::weak_count(&nodes[i]));
                    writeln!(out, "{value} {counts:?} {:?}", list.values()).expect("a string");
                }
                drop(nodes);
                while let Some(first) = list.first.clone() {
                    writeln!(out, "{} {}", list.remove(&first), Rc::strong_count(&first)).expect("a string");
                }
                writeln!(out, "{:?} {}", list.values(), list.last.upgrade().is_none()).expect("a string");
                out
            }

            /// Expressions that are made once each and shared, as compilers do.
            pub fn hash_consing() -> String {
                #[derive(PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
                enum Expr {
                    Const(i32),
                    Name(Rc<str>),
                    Sum(Rc<Expr>, Rc<Expr>),
                    Product(Rc<[Rc<Expr>]>),
                }
                #[derive(Default)]
                struct Table(HashMap<Rc<Expr>, usize>);
                impl Table {
                    fn make(&mut self, expr: Expr) -> Rc<Expr> {
                        if let Some((known, _)) = self.0.get_key_value(&expr) {
                            return known.clone();
                        }
                        let new = Rc::new(expr);
                        self.0.insert(new.clone(), self.0.len());
                        new
                    }
                }
                let mut table = Table::default();
                let x = table.make(Expr::Name("x".into()));
                let mut sum = x.clone();
                for i in 0..12 {
                    let number = table.make(Expr::Const(i % 3));
                    let factors = [number.clone(), x.clone(), table.make(Expr::Const(1))];
                    let product = table.make(Expr::Product(factors.into()));
                    sum = table.make(Expr::Sum(sum, product));
                }
                let again = table.make(Expr::Const(2));
                let mut known: Vec<_> = table.0.into_iter().collect();
                known.sort();
                let mut out = format!("{sum:?}\n");
                for (expr, number) in &known {
                    writeln!(out, "{number} {}", Rc::strong_count(expr)).expect("a string");
                }
                drop(known);
                writeln!(out, "{} {}", Rc::strong_count(&again), Rc::strong_count(&x)).expect("a string");
                out
            }
        }
    };
}

programs!(with_std, std::rc, by_itself);
programs!(with_neap, neap::rc, neap::coerce);

macro_rules! compare {
    ($($program:ident: $lines:literal)*) => {$(
        #[test]
        fn $program() {
            let (std, neap) = (with_std::$program(), with_neap::$program());
            assert_eq!(std.lines().count(), $lines, "{std}");
            assert_eq!(neap, std);
        }
    )*};
}

compare! {
    tree: 62
    observers: 1
    interpreter: 10
    deque: 22
    hash_consing: 21
}

//! A party against the network, the model, thieves and forgers, and at its bounds.

mod bounds;
mod driver;
mod forgery;
mod halves;
mod model;
mod thief;
mod words;

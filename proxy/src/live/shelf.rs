//! Places that are taken and left in any order, at the cost of a few instructions each.

/// A slab: values by the place they were put at.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    places: Vec<Place<T>>,
    /// The place that was left last; the next one stands in it.
    free: Option<usize>,
}

#[derive(Debug)]
enum Place<T> {
    Free(Option<usize>),
    Taken(T),
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: None }
    }
}

impl<T> Shelf<T> {
    /// Puts a value and tells its place.
    pub(super) fn put(&mut self, value: T) -> usize {
        if let Some(at) = self.free
            && let Some(place) = self.places.get_mut(at)
        {
            if let Place::Free(next) = place {
                self.free = *next;
            }
            *place = Place::Taken(value);
            return at;
        }
        self.places.push(Place::Taken(value));
        self.places.len() - 1
    }

    /// Takes the value at `at` away.
    pub(super) fn take(&mut self, at: usize) -> Option<T> {
        let place = self.places.get_mut(at).filter(|place| matches!(place, Place::Taken(_)))?;
        match std::mem::replace(place, Place::Free(self.free)) {
            Place::Free(_) => None,
            Place::Taken(value) => {
                self.free = Some(at);
                Some(value)
            }
        }
    }

    /// All values.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|place| match place {
            Place::Free(_) => None,
            Place::Taken(value) => Some(value),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_nobody_loses_theirs() {
        let mut shelf = Shelf::default();
        let places: Vec<usize> = (0..4).map(|value| shelf.put(value)).collect();
        assert_eq!(places, [0, 1, 2, 3]);
        assert_eq!(shelf.take(1), Some(1));
        assert_eq!(shelf.take(3), Some(3));
        assert_eq!(shelf.take(1), None);
        assert_eq!(shelf.take(9), None);

        assert_eq!(shelf.put(30), 3);
        assert_eq!(shelf.put(10), 1);
        assert_eq!(shelf.put(4), 4);

        assert_eq!(shelf.iter().copied().collect::<Vec<_>>(), [0, 10, 2, 30, 4]);
    }
}

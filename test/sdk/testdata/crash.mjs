// Ends without a result.
throw new Error('out of paint');
